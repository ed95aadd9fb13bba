/// A container of a task definition.
public struct StandInContainer: Sendable, Equatable {
    public var name: String
    public var image: String
    public var dockerLabels: [String: String]
    public var ports: [Int]

    public init(
        name: String, image: String = "example/image:1", dockerLabels: [String: String] = [:],
        ports: [Int] = []
    ) {
        self.name = name
        self.image = image
        self.dockerLabels = dockerLabels
        self.ports = ports
    }
}

/// A task definition; what it holds never changes, a change is a new revision.
public struct StandInTaskDefinition: Sendable, Equatable {
    public var family: String
    public var revision: Int
    public var containers: [StandInContainer]
    /// Nil is awsvpc.
    public var networkMode: String?

    public init(
        family: String, revision: Int = 1, containers: [StandInContainer], networkMode: String? = nil
    ) {
        self.family = family
        self.revision = revision
        self.containers = containers
        self.networkMode = networkMode
    }
}
