/// An elastic network interface as DescribeNetworkInterfaces tells of it: what discovery needs.
public struct EC2NetworkInterface: Sendable, Equatable {
    /// `eni-…`
    public var id: String
    /// Nil for most: it is in no public subnet, and no elastic address is associated with it.
    public var publicIPv4: String?

    public init(id: String, publicIPv4: String? = nil) {
        self.id = id
        self.publicIPv4 = publicIPv4
    }
}
