public struct StandInCluster: Sendable, Equatable {
    public var name: String
    public var tasks: [StandInTask]
    public var instances: [StandInInstance]?

    public init(name: String, tasks: [StandInTask] = [], instances: [StandInInstance]? = nil) {
        self.name = name
        self.tasks = tasks
        self.instances = instances
    }
}
