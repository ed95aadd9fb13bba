/// What only the discovery of instances as targets needs to know of an instance, beside its addresses and
/// tags. Nil stands for what EC2 does not tell, or tells without a value.
public struct EC2InstanceDetails: Sendable, Equatable {
    /// An address of a network interface.
    public struct IPv6Address: Sendable, Equatable {
        public var text: String
        /// The one of its interface that never changes, where somebody has asked for such a one.
        public var isPrimary: Bool

        public init(_ text: String, isPrimary: Bool = false) {
            self.text = text
            self.isPrimary = isPrimary
        }
    }

    public struct Interface: Sendable, Equatable {
        public var subnetID: String?
        /// Where it is attached, from 0; nil when EC2 does not tell, or tells what can be no index.
        public var deviceIndex: Int?
        public var ipv6: [IPv6Address]

        public init(subnetID: String? = nil, deviceIndex: Int? = nil, ipv6: [IPv6Address] = []) {
            self.subnetID = subnetID
            self.deviceIndex = deviceIndex
            self.ipv6 = ipv6
        }
    }

    /// The account that owns it.
    public var ownerID: String?
    /// `ami-…`
    public var imageID: String?
    public var architecture: String?
    /// For instance `eu-west-1a`, a name that stands for another place in another account.
    public var availabilityZone: String?
    /// `spot` or `scheduled`; nil for most.
    public var lifecycle: String?
    /// For instance `running`.
    public var state: String?
    /// `windows`; nil for all others.
    public var platform: String?
    public var privateDNSName: String?
    public var publicDNSName: String?
    /// In the order of the answer.
    public var interfaces: [Interface]

    public init(
        ownerID: String? = nil, imageID: String? = nil, architecture: String? = nil,
        availabilityZone: String? = nil, lifecycle: String? = nil, state: String? = nil,
        platform: String? = nil, privateDNSName: String? = nil, publicDNSName: String? = nil,
        interfaces: [Interface] = []
    ) {
        self.ownerID = ownerID
        self.imageID = imageID
        self.architecture = architecture
        self.availabilityZone = availabilityZone
        self.lifecycle = lifecycle
        self.state = state
        self.platform = platform
        self.privateDNSName = privateDNSName
        self.publicDNSName = publicDNSName
        self.interfaces = interfaces
    }
}
