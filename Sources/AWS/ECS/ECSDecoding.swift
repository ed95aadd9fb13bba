/// The wire's shapes. Every field may be absent; an entry of the wrong type costs itself and not its
/// neighbours.
struct Lenient<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) {
        // A value that does not decode is the absence this type stands for.
        value = try? Value(from: decoder)
    }
}

struct ListTasksAnswer: Decodable {
    let taskArns: [Lenient<String>]?
    let nextToken: String?
}

struct DescribeTasksAnswer: Decodable {
    let tasks: [Lenient<ECSTask>]?
}

struct DescribeTaskDefinitionAnswer: Decodable {
    let taskDefinition: ECSTaskDefinition?
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
        case taskArn, clusterArn, taskDefinitionArn, lastStatus, desiredStatus, healthStatus, launchType,
            group
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
            definitionARN: try text(.taskDefinitionArn), lastStatus: try text(.lastStatus),
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
        case name, image, lastStatus, containerArn
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            arn: try container.decodeIfPresent(String.self, forKey: .containerArn),
            image: try container.decodeIfPresent(String.self, forKey: .image),
            lastStatus: try container.decodeIfPresent(String.self, forKey: .lastStatus))
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

extension ECSTaskDefinition: Decodable {
    private enum Key: String, CodingKey {
        case taskDefinitionArn, family, revision, networkMode, containerDefinitions
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let containers = try container.decodeIfPresent(
            [Lenient<Container>].self, forKey: .containerDefinitions)
        self.init(
            arn: try container.decode(String.self, forKey: .taskDefinitionArn),
            family: try container.decodeIfPresent(String.self, forKey: .family),
            revision: try container.decodeIfPresent(Int.self, forKey: .revision),
            networkMode: try container.decodeIfPresent(String.self, forKey: .networkMode),
            containers: (containers ?? []).compactMap(\.value))
    }
}

extension ECSTaskDefinition.Container: Decodable {
    private enum Key: String, CodingKey {
        case name, image, dockerLabels
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let labels = try container.decodeIfPresent([String: Lenient<String>].self, forKey: .dockerLabels)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            image: try container.decodeIfPresent(String.self, forKey: .image),
            dockerLabels: (labels ?? [:]).compactMapValues(\.value))
    }
}
