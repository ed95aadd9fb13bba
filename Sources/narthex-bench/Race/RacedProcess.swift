import Platform

#if canImport(Glibc)
import Glibc
#endif

/// An agent under test: started, ended and started again within its limits, and what all its lives have cost.
final class RacedProcess {
    let folder: String
    private let command: [String]
    private let environment: [String: String]
    private let box: AgentBox
    private var process: ChildProcess?
    /// Of the lives that are over.
    private var pastCPUSeconds = 0.0
    private var pastWrittenBytes: UInt64? = 0

    init(_ command: [String], environment: [String: String], folder: String, box: AgentBox) {
        self.command = command
        self.environment = environment
        self.folder = folder
        self.box = box
    }

    func start() throws(BenchError) {
        precondition(process == nil, "an agent lives once at a time")
        process = try ChildProcess(
            box.prefix + command, environment: environment, outputPath: "\(folder)/agent.log", appends: true,
            leadsGroup: true)
    }

    /// CPU and written bytes of all lives, and what is resident now. Throws when the agent has ended by
    /// itself.
    func count() throws(BenchError) -> (cpuSeconds: Double, residentBytes: Int, writtenBytes: UInt64?) {
        guard let process else { throw BenchError("the agent does not run") }
        if let end = process.ended() {
            self.process = nil
            throw BenchError(
                "the agent \(Self.words(end, box.memoryKills, box.limits.memoryMiB))\(logEnd)")
        }
        let tree = ProcessTree(root: process.pid)
        let written = pastWrittenBytes.flatMap { past in tree.writtenBytes.map { past + $0 } }
        return (pastCPUSeconds + tree.cpuSeconds, tree.residentBytes, written)
    }

    /// Throws unless the agent is within its limits.
    func checkLimits() throws(BenchError) {
        if let process { try box.check(process.pid) }
    }

    /// Sends a signal and waits for the end of the agent and of all that it has started.
    @discardableResult
    func end(_ signal: Int32, withinSeconds seconds: Int = 60) -> Int32 {
        guard let process else { return 0 }
        var lastCPUSeconds = 0.0
        var lastWrittenBytes: UInt64?
        // Much may be written while it ends. A child's share is gone from the tree once it has ended, so the
        // most that was seen counts.
        let end = process.end(signal, withinSeconds: seconds) {
            let tree = ProcessTree(root: process.pid)
            lastCPUSeconds = max(lastCPUSeconds, tree.cpuSeconds)
            if tree.processes > 0, let written = tree.writtenBytes {
                lastWrittenBytes = max(lastWrittenBytes ?? 0, written)
            }
        }
        // A tree knows of children that nobody has waited for, and the kernel's account of the whole life
        // knows what was spent after the last look.
        pastCPUSeconds += max(lastCPUSeconds, end.cpuSeconds)
        pastWrittenBytes = pastWrittenBytes.flatMap { past in lastWrittenBytes.map { past + $0 } }
        self.process = nil
        return end.status
    }

    /// How an agent has ended that nobody had told to end. `memoryKills` is how many processes of its group
    /// the kernel has killed for the group's use of memory, nil where it does not count them.
    static func words(_ end: ChildProcess.End, _ memoryKills: Int?, _ memoryMiB: Int?) -> String {
        if let memoryKills, memoryKills > 0, let memoryMiB {
            return "used up its \(memoryMiB) MiB of memory, and the kernel killed it"
        }
        if end.signal == SIGKILL, memoryKills == nil, let memoryMiB {
            return "was killed, most likely by the kernel, as it may use \(memoryMiB) MiB of memory"
        }
        return end.signal == 0
            ? "ended by itself with status \(end.status)" : "was ended by signal \(end.signal)"
    }

    /// What stands between the words of a fault and the end of the agent's log.
    static let logEnds = "; its log ends:\n"

    /// The last of what it has said, behind `logEnds`.
    var logEnd: String {
        let log = StandInPlaces.text(of: "\(folder)/agent.log") ?? ""
        return Self.logEnds + log.split(separator: "\n").suffix(5).joined(separator: "\n")
    }
}
