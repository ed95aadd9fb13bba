extension ECSTaskDefinition: Decodable {
    private enum Key: String, CodingKey {
        case taskDefinitionArn, family, revision, networkMode, containerDefinitions
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            arn: try container.decode(String.self, forKey: .taskDefinitionArn),
            family: try container.decodeIfPresent(String.self, forKey: .family),
            revision: try container.decodeIfPresent(Int.self, forKey: .revision),
            networkMode: try container.decodeIfPresent(String.self, forKey: .networkMode),
            containers: try container.lenientList(Container.self, .containerDefinitions))
    }
}

extension ECSTaskDefinition.Container: Decodable {
    private enum Key: String, CodingKey {
        case name, image, dockerLabels, portMappings
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let labels = try container.decodeIfPresent([String: Lenient<String>].self, forKey: .dockerLabels)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            image: try container.decodeIfPresent(String.self, forKey: .image),
            dockerLabels: (labels ?? [:]).compactMapValues(\.value),
            portMappings: try container.lenientList(ECSTaskDefinition.PortMapping.self, .portMappings))
    }
}

extension ECSTaskDefinition.PortMapping: Decodable {
    private enum Key: String, CodingKey {
        case containerPort, containerPortRange, hostPort
        case transport = "protocol"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let port = try fields.decodeIfPresent(Int.self, forKey: .containerPort)
        let range = try fields.decodeIfPresent(String.self, forKey: .containerPortRange)
        guard let ports = port.map({ $0...$0 }) ?? range.flatMap(ECSTask.NetworkBinding.range) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no container port"))
        }
        self.init(
            containerPorts: ports,
            hostPort: try fields.decodeIfPresent(Int.self, forKey: .hostPort),
            transport: try fields.decodeIfPresent(String.self, forKey: .transport))
    }
}

extension ECSFailure: Decodable {
    private enum Key: String, CodingKey {
        case arn, reason
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            arn: try fields.decode(String.self, forKey: .arn),
            reason: try fields.decodeIfPresent(String.self, forKey: .reason))
    }
}

extension ECSContainerInstance: Decodable {
    private enum Key: String, CodingKey {
        case containerInstanceArn, ec2InstanceId, attributes, tags
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let attributes = try fields.decodeIfPresent(Pairs.self, forKey: .attributes)?.dictionary ?? [:]
        self.init(
            arn: try fields.decode(String.self, forKey: .containerInstanceArn),
            instanceID: try fields.decodeIfPresent(String.self, forKey: .ec2InstanceId),
            // An instance has dozens of these, and none tells where it is.
            attributes: attributes.filter { !$0.key.contains("ecs.capability") },
            tags: try fields.decodeIfPresent(Pairs.self, forKey: .tags)?.dictionary ?? [:])
    }
}

extension ECSService: Decodable {
    private enum Key: String, CodingKey {
        case serviceArn, serviceName, status, tags
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            arn: try fields.decode(String.self, forKey: .serviceArn),
            name: try fields.decode(String.self, forKey: .serviceName),
            status: try fields.decodeIfPresent(String.self, forKey: .status),
            tags: try fields.decodeIfPresent(Pairs.self, forKey: .tags)?.dictionary ?? [:])
    }
}

extension ECSClusterDescription: Decodable {
    private enum Key: String, CodingKey {
        case clusterArn, clusterName, status, tags
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            arn: try fields.decode(String.self, forKey: .clusterArn),
            name: try fields.decodeIfPresent(String.self, forKey: .clusterName),
            status: try fields.decodeIfPresent(String.self, forKey: .status),
            tags: try fields.decodeIfPresent(Pairs.self, forKey: .tags)?.dictionary ?? [:])
    }
}
