/// An EC2 instance as DescribeInstances tells of it: what discovery needs.
public struct EC2Instance: Sendable, Equatable {
    public var id: String
    public var privateIPv4: String?
    public var publicIPv4: String?
    /// The first of its primary interface's.
    public var ipv6: String?
    public var type: String?
    public var subnetID: String?
    public var vpcID: String?
    public var tags: [String: String]
    /// Nil where they were not asked for: who looks up the machines of tasks keeps thousands for an hour.
    public var details: EC2InstanceDetails?

    public init(
        id: String, privateIPv4: String? = nil, publicIPv4: String? = nil, ipv6: String? = nil,
        type: String? = nil, subnetID: String? = nil, vpcID: String? = nil, tags: [String: String] = [:],
        details: EC2InstanceDetails? = nil
    ) {
        self.id = id
        self.privateIPv4 = privateIPv4
        self.publicIPv4 = publicIPv4
        self.ipv6 = ipv6
        self.type = type
        self.subnetID = subnetID
        self.vpcID = vpcID
        self.tags = tags
        self.details = details
    }
}

/// The calls of the EC2 API that the discovery of tasks makes; tests give fakes.
public protocol EC2Describing: Sendable {
    /// At most `EC2Client.describeLimit` ids. Instances that are gone are left out.
    func describeInstances(_ ids: [String]) async throws(AWSError) -> [EC2Instance]
    /// At most `EC2Client.describeLimit` ids. Interfaces that are gone are left out.
    func describeNetworkInterfaces(_ ids: [String]) async throws(AWSError) -> [EC2NetworkInterface]
}

/// The calls of the EC2 API that the discovery of instances makes; tests give fakes.
public protocol EC2Listing: Sendable {
    /// All instances of the account in the region that every filter lets through, with details; all pages.
    func listInstances(_ filters: [EC2Filter]) async throws(AWSError) -> [EC2Instance]
    /// The ids of the region's availability zones by their names in this account.
    func availabilityZoneIDs() async throws(AWSError) -> [String: String]
}
