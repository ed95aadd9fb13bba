import AWS

/// What one reading of a cluster still has to ask, and when. Calls go out full, or with what there is when no
/// more will come or what waits has waited for a moment; so nothing known waits for what is slow, and a
/// reading costs no more calls than one that asks in order.
struct ECSClusterPlan: Sendable {
    enum Question: Sendable {
        case tasks([String])
        /// Tasks that the list has no more.
        case gone([String])
        case definition(String)
        case instances([String])
        case ec2([String])
        case systemsManager([String])
        /// By name.
        case services([String])
        case description
        /// Of these tasks.
        case interfaces([String])
    }

    /// How long a call that is not full waits for more.
    static let coalescingNs: UInt64 = 500_000_000

    /// Keys that are asked for in batches, each once.
    struct Queue: Sendable {
        let batchSize: Int
        var atOnce: Int
        private(set) var inFlight = 0
        private var waiting: [String] = []
        private var seen: Set<String> = []
        private var sinceNs: UInt64 = 0

        init(batchSize: Int, atOnce: Int = 1) {
            self.batchSize = batchSize
            self.atOnce = atOnce
        }

        var isDone: Bool { waiting.isEmpty && inFlight == 0 }
        /// Nothing waits to go out.
        var isEmpty: Bool { waiting.isEmpty }
        /// Something could go out and waits for more.
        var holdsBack: Bool { !waiting.isEmpty && inFlight < atOnce }

        mutating func add(_ keys: [String], nowNs: UInt64) {
            for key in keys where seen.insert(key).inserted {
                if waiting.isEmpty { sinceNs = nowNs }
                waiting.append(key)
            }
        }

        /// The next batch, if it is time. `isLast`: no more keys will come.
        mutating func next(isLast: Bool, nowNs: UInt64) -> [String]? {
            guard holdsBack,
                isLast || waiting.count >= batchSize || nowNs >= sinceNs + ECSClusterPlan.coalescingNs
            else { return nil }
            let batch = Array(waiting.prefix(batchSize))
            waiting.removeFirst(batch.count)
            sinceNs = nowNs
            inFlight += 1
            return batch
        }

        mutating func answered() { inFlight -= 1 }

        /// Asking on is in vain for now.
        mutating func giveUp() { waiting = [] }
    }

    /// Definitions that are asked for at a time, after the first one was answered, or was not for a moment:
    /// where the call is refused or throttled, one call is enough to know.
    static let definitionsAtOnce = 8

    var tasks = Queue(batchSize: ECSClient.describeLimit)
    var gone = Queue(batchSize: ECSClient.describeLimit)
    var definitions = Queue(batchSize: 1)
    var instances = Queue(batchSize: ECSClient.describeLimit)
    var ec2 = Queue(batchSize: EC2Client.describeLimit)
    var systemsManager = Queue(batchSize: SSMClient.describeLimit)
    var services = Queue(batchSize: ECSClient.describeServicesLimit, atOnce: 4)
    var interfaces = Queue(batchSize: EC2Client.describeLimit)
    /// The cluster itself, asked for at most once.
    var description = Queue(batchSize: 1)

    private var queues: [Queue] {
        [tasks, gone, definitions, instances, ec2, systemsManager, services, interfaces, description]
    }
    /// Calls that are not answered yet.
    var inFlight: Int { queues.reduce(0) { $0 + $1.inFlight } }
    var holdsBack: Bool {
        queues.contains(where: \.holdsBack) || !definitions.isEmpty && definitions.atOnce == 1
    }

    /// What is to be asked now.
    mutating func due(nowNs: UInt64) -> [Question] {
        var due: [Question] = []
        while let batch = tasks.next(isLast: true, nowNs: nowNs) { due.append(.tasks(batch)) }
        while let batch = gone.next(isLast: true, nowNs: nowNs) { due.append(.gone(batch)) }
        while description.next(isLast: true, nowNs: nowNs) != nil { due.append(.description) }
        while let arn = definitions.next(isLast: true, nowNs: nowNs)?.first { due.append(.definition(arn)) }
        // What a task needs beyond its definition is known with that.
        let isDefined = tasks.isDone && definitions.isDone
        while let batch = services.next(isLast: isDefined, nowNs: nowNs) { due.append(.services(batch)) }
        while let batch = interfaces.next(isLast: isDefined, nowNs: nowNs) { due.append(.interfaces(batch)) }
        while let batch = instances.next(isLast: isDefined, nowNs: nowNs) { due.append(.instances(batch)) }
        let isPlaced = isDefined && instances.isDone
        while let batch = ec2.next(isLast: isPlaced, nowNs: nowNs) { due.append(.ec2(batch)) }
        while let batch = systemsManager.next(isLast: isPlaced, nowNs: nowNs) {
            due.append(.systemsManager(batch))
        }
        return due
    }
}
