public import AWS

/// How a stand-in ECS behaves.
public struct ECSConfiguration: Sendable {
    public var port: Int
    public var region: String
    /// Whose signature is right; nil takes everything unsigned.
    public var credentials: Credentials?
    /// Names a page; the API's own most is 100.
    public var pageLimit: Int

    public init(
        port: Int = 0, region: String = "eu-west-1", credentials: Credentials? = nil, pageLimit: Int = 100
    ) {
        self.port = port
        self.region = region
        self.credentials = credentials
        self.pageLimit = pageLimit
    }
}
