/// A machine that Systems Manager manages, as DescribeInstanceInformation tells of it.
public struct SSMInstance: Sendable, Equatable {
    /// `mi-…` for one outside EC2.
    public var id: String
    /// As its agent reports it.
    public var address: String?
    public var computerName: String?
    /// `Online`, `ConnectionLost` or `Inactive`.
    public var pingStatus: String?

    public init(
        id: String, address: String? = nil, computerName: String? = nil, pingStatus: String? = nil
    ) {
        self.id = id
        self.address = address
        self.computerName = computerName
        self.pingStatus = pingStatus
    }
}

/// The call of the Systems Manager API that discovery makes; tests give fakes.
public protocol SSMDescribing: Sendable {
    /// At most `SSMClient.describeLimit` ids. Machines that are not known are left out.
    func describeInstanceInformation(_ ids: [String]) async throws(AWSError) -> [SSMInstance]
}
