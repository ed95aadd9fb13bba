/// The wire's shapes. Every field may be absent; an entry of the wrong type costs itself and not its
/// neighbours.
struct Lenient<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) {
        // A value that does not decode is the absence this type stands for.
        value = try? Value(from: decoder)
    }
}

/// The answers' outermost objects.
enum ECSAnswer {
    struct Clusters: Decodable {
        let clusterArns: [Lenient<String>]?
        let nextToken: String?
    }

    struct Tasks: Decodable {
        let taskArns: [Lenient<String>]?
        let nextToken: String?
    }

    struct DescribedTasks: Decodable {
        let tasks: [Lenient<ECSTask>]?
        let failures: [Lenient<ECSFailure>]?
    }

    struct DescribedDefinition: Decodable {
        let taskDefinition: ECSTaskDefinition?
    }

    struct DescribedInstances: Decodable {
        let containerInstances: [Lenient<ECSContainerInstance>]?
    }

    struct DescribedServices: Decodable {
        let services: [Lenient<ECSService>]?
    }

    struct DescribedClusters: Decodable {
        let clusters: [Lenient<ECSClusterDescription>]?
    }
}

extension KeyedDecodingContainer {
    /// A list's readable entries; none when it is absent.
    func lenientList<Item: Decodable>(_ type: Item.Type, _ key: Key) throws -> [Item] {
        try (decodeIfPresent([Lenient<Item>].self, forKey: key) ?? []).compactMap(\.value)
    }
}

/// `[{"name": …, "value": …}]`, or with `key` for the name, as a dictionary.
struct Pairs: Decodable {
    private struct Pair: Decodable {
        let name: String?
        let key: String?
        let value: String?
    }

    var dictionary: [String: String] = [:]

    init(from decoder: any Decoder) throws {
        for pair in try [Lenient<Pair>](from: decoder).compactMap(\.value) {
            guard let name = pair.name ?? pair.key, let value = pair.value else { continue }
            dictionary[name] = value
        }
    }
}

extension ECSTask: Decodable {
    private enum Key: String, CodingKey {
        case taskArn, clusterArn, taskDefinitionArn, containerInstanceArn, lastStatus, desiredStatus
        case healthStatus, launchType, group
        case startedBy, availabilityZone, platformFamily, platformVersion, containers, attachments, tags
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func text(_ key: Key) throws -> String? { try container.decodeIfPresent(String.self, forKey: key) }
        func list<Item: Decodable>(_ type: Item.Type, _ key: Key) throws -> [Item] {
            try (container.decodeIfPresent([Lenient<Item>].self, forKey: key) ?? []).compactMap(\.value)
        }
        self.init(
            arn: try container.decode(String.self, forKey: .taskArn), clusterARN: try text(.clusterArn),
            definitionARN: try text(.taskDefinitionArn),
            containerInstanceARN: try text(.containerInstanceArn), lastStatus: try text(.lastStatus),
            desiredStatus: try text(.desiredStatus), healthStatus: try text(.healthStatus),
            launchType: try text(.launchType), group: try text(.group), startedBy: try text(.startedBy),
            availabilityZone: try text(.availabilityZone), platformFamily: try text(.platformFamily),
            platformVersion: try text(.platformVersion), containers: try list(Container.self, .containers),
            attachments: try list(Attachment.self, .attachments),
            tags: try container.decodeIfPresent(Pairs.self, forKey: .tags)?.dictionary ?? [:])
    }
}

extension ECSTask.Container: Decodable {
    private enum Key: String, CodingKey {
        case name, image, lastStatus, containerArn, networkBindings, networkInterfaces
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            arn: try container.decodeIfPresent(String.self, forKey: .containerArn),
            image: try container.decodeIfPresent(String.self, forKey: .image),
            lastStatus: try container.decodeIfPresent(String.self, forKey: .lastStatus),
            bindings: try container.lenientList(ECSTask.NetworkBinding.self, .networkBindings),
            interfaces: try container.lenientList(ECSTask.NetworkInterface.self, .networkInterfaces))
    }
}

extension ECSTask.NetworkBinding: Decodable {
    private enum Key: String, CodingKey {
        case bindIP, containerPort, hostPort, containerPortRange, hostPortRange
        case transport = "protocol"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        func ports(_ one: Key, _ range: Key) throws -> ClosedRange<Int>? {
            if let port = try fields.decodeIfPresent(Int.self, forKey: one) {
                return (1...65_535).contains(port) ? port...port : nil
            }
            return try fields.decodeIfPresent(String.self, forKey: range).flatMap(Self.range)
        }
        guard let inside = try ports(.containerPort, .containerPortRange),
            let outside = try ports(.hostPort, .hostPortRange), inside.count == outside.count
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no pair of ports"))
        }
        self.init(
            bindIP: try fields.decodeIfPresent(String.self, forKey: .bindIP), containerPorts: inside,
            hostPorts: outside, transport: try fields.decodeIfPresent(String.self, forKey: .transport))
    }

    /// `8000-8010`, in bindings and in port mappings.
    static func range(_ text: String) -> ClosedRange<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], (1...65_535).contains(low),
            (low...65_535).contains(high)
        else { return nil }
        return low...high
    }
}

extension ECSTask.NetworkInterface: Decodable {
    private enum Key: String, CodingKey {
        case privateIpv4Address, ipv6Address
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            privateIPv4: try fields.decodeIfPresent(String.self, forKey: .privateIpv4Address),
            ipv6: try fields.decodeIfPresent(String.self, forKey: .ipv6Address))
    }
}

extension ECSTask.Attachment: Decodable {
    private enum Key: String, CodingKey {
        case type, status, details
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            type: try container.decodeIfPresent(String.self, forKey: .type),
            status: try container.decodeIfPresent(String.self, forKey: .status),
            details: try container.decodeIfPresent(Pairs.self, forKey: .details)?.dictionary ?? [:])
    }
}
