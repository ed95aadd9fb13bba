internal import JSON

/// The fields of ECS' json-1.1 answers that discovery may look at, named as the API names them.
enum ECSShapes {
    struct Clusters: Encodable {
        let clusterArns: [String]
        let nextToken: String?
    }

    struct Tasks: Encodable {
        let taskArns: [String]
        let nextToken: String?
    }

    struct Described: Encodable {
        let tasks: [Task]
        let failures: [Failure]
    }

    struct Failure: Encodable {
        let arn: String
        let reason: String
    }

    struct Task: Encodable {
        let attachments: [Attachment]
        let availabilityZone: String
        let clusterArn: String
        let connectivity: String
        let containers: [Container]
        let cpu: String
        let createdAt: Double
        let desiredStatus: String
        let group: String
        let healthStatus: String
        let lastStatus: String
        let launchType: String
        let memory: String
        let platformFamily: String?
        let platformVersion: String?
        let containerInstanceArn: String?
        let tags: [Tag]
        let taskArn: String
        let taskDefinitionArn: String
        let version: Int
    }

    struct Attachment: Encodable {
        let id: String
        let type: String
        let status: String
        let details: [Detail]
    }

    struct Detail: Encodable {
        let name: String
        let value: String
    }

    struct Container: Encodable {
        let containerArn: String
        let taskArn: String
        let name: String
        let image: String
        let lastStatus: String
        let healthStatus: String
        let networkBindings: [Binding]
        let networkInterfaces: [Interface]
    }

    struct Interface: Encodable {
        let attachmentId: String
        let privateIpv4Address: String?
        let ipv6Address: String?
    }

    struct Binding: Encodable {
        let bindIP: String
        let containerPort: Int
        let hostPort: Int
        let `protocol`: String
    }

    struct Tag: Encodable {
        let key: String
        let value: String
    }

    struct Instances: Encodable {
        let containerInstances: [Instance]
        let failures: [Failure]
    }

    struct Instance: Encodable {
        let containerInstanceArn: String
        let ec2InstanceId: String
        let status: String
        let agentConnected: Bool
        let attributes: [Detail]
        let tags: [Tag]
    }

    struct ListedServices: Encodable {
        let serviceArns: [String]
        let nextToken: String?
    }

    struct Services: Encodable {
        let services: [Service]
        let failures: [Failure]
    }

    struct Service: Encodable {
        let serviceArn: String
        let serviceName: String
        let clusterArn: String
        let status: String
        let tags: [Tag]
    }

    struct DescribedClusters: Encodable {
        let clusters: [Cluster]
        let failures: [Failure]
    }

    struct Cluster: Encodable {
        let clusterArn: String
        let clusterName: String
        let status: String
        let tags: [Tag]
    }

    struct DefinitionAnswer: Encodable {
        let taskDefinition: Definition
        let tags: [String]
    }

    struct Definition: Encodable {
        let taskDefinitionArn: String
        let family: String
        let revision: Int
        let networkMode: String
        let status: String
        let compatibilities: [String]
        let requiresCompatibilities: [String]
        let cpu: String
        let memory: String
        let containerDefinitions: [ContainerDefinition]
    }

    struct ContainerDefinition: Encodable {
        let name: String
        let image: String
        let essential: Bool
        let dockerLabels: [String: String]?
        let portMappings: [PortMapping]
    }

    struct PortMapping: Encodable {
        let containerPort: Int
        let hostPort: Int
        let `protocol`: String
    }

    /// Every field that one of the operations takes.
    struct Request: JSONReadable {
        let cluster: String?
        let maxResults: Int?
        let nextToken: String?
        let desiredStatus: String?
        let launchType: String?
        let serviceName: String?
        let family: String?
        let tasks: [String]?
        let clusters: [String]?
        let services: [String]?
        let containerInstances: [String]?
        let taskDefinition: String?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            cluster = try fields.optional("cluster")
            maxResults = try fields.optional("maxResults")
            nextToken = try fields.optional("nextToken")
            desiredStatus = try fields.optional("desiredStatus")
            launchType = try fields.optional("launchType")
            serviceName = try fields.optional("serviceName")
            family = try fields.optional("family")
            tasks = try fields.optional("tasks")
            clusters = try fields.optional("clusters")
            services = try fields.optional("services")
            containerInstances = try fields.optional("containerInstances")
            taskDefinition = try fields.optional("taskDefinition")
        }
    }
}
