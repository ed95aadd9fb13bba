/// A machine that a cluster places tasks on: `i-…` is one of EC2, `mi-…` one that Systems Manager knows.
public struct StandInInstance: Sendable, Equatable {
    /// Of the container instance.
    public var id: String
    /// `i-…` or `mi-…`.
    public var machine: String
    public var address: String?
    public var attributes: [String: String]?

    public init(id: String, machine: String, address: String?, attributes: [String: String]? = nil) {
        self.id = id
        self.machine = machine
        self.address = address
        self.attributes = attributes
    }
}
