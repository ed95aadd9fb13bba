import HTTPTransport
import Platform
import Synchronization
import Telemetry

/// Makes the report of what the agent holds in memory, for its page and its metrics.
final class MemoryFigures: Sendable {
    /// What is counted by others.
    struct Counts: Sendable {
        var series = SeriesMemory()
        var spareBytes = 0
        var connections = 0
    }

    private struct State {
        var count: (@Sendable () -> Counts)?
        var counts = Counts()
        /// When they were counted; nil before the first time.
        var countedNs: UInt64?
        /// What malloc had given out when the agent had started and had not scraped yet, without the kinds.
        var startBytes = 0
        /// Pages of the program's files that it has written to.
        var writtenBytes = 0
        /// Made with the counts, so that both are of one moment; nil where the kernel says nothing.
        var made: MemoryReport?
    }

    /// Readers that ask within so long are given the same report: a look at each chunk of lines is work.
    static let keptNs: UInt64 = 5_000_000_000
    /// Of a connection: its object, its buffer and what it knows of its host; or a handle of libcurl.
    static let connectionBytes = 8_000
    /// Of an instrument: its labels, its key and the entry of its family. Those of histograms have more.
    static let instrumentBytes = 500
    /// Of a thread's stack, what it has touched.
    static let stackBytes = 16 << 10

    private let account: MemoryAccount
    private let keeper: MemoryKeeper
    private let registry: MetricRegistry
    private let clock: any AgentClock
    private let files: any FileDoor
    private let source: ResidentMemory.Source
    /// Held while a report is made, so that those who ask at one time wait for one.
    private let state = Mutex(State())

    init(
        account: MemoryAccount, keeper: MemoryKeeper, registry: MetricRegistry, clock: any AgentClock,
        files: any FileDoor
    ) {
        self.account = account
        self.keeper = keeper
        self.registry = registry
        self.clock = clock
        self.files = files
        source = ResidentMemory.Source(files: files)
    }

    /// The resident memory now.
    func resident() -> Result<ResidentMemory, FileError> {
        do throws(FileError) {
            return .success(try source.now())
        } catch {
            return .failure(error)
        }
    }

    /// Sets the function that counts, and takes what the start has allocated. Called once the parts of the
    /// agent are there, and before anything is scraped.
    func begin(_ count: @escaping @Sendable () -> Counts) {
        state.withLock { state in
            state.count = count
            state.countedNs = nil
            let kinds = held(count()).reduce(0) { $0 + $1.bytes }
            state.startBytes = max(0, Int(clamping: Heap.bytes.allocated) - kinds)
        }
    }

    /// Measures what the program has written of its own files' pages. Walks over the page tables, which takes
    /// milliseconds; once, after the start.
    func measureProgram() {
        let written = ProgramPages.writtenBytes(files: files)
        state.withLock { state in
            state.writtenBytes = written
            state.countedNs = nil
        }
    }

    /// Not older than five seconds; nil where the kernel does not say what is resident.
    func report() -> MemoryReport? {
        state.withLock { state in
            look(&state)
            state.made?.step = keeper.stepNumber
            return state.made
        }
    }

    /// What the series take, not older than five seconds.
    func seriesMemory() -> SeriesMemory {
        state.withLock { state in
            look(&state)
            return state.counts.series
        }
    }

    private func look(_ state: inout State) {
        let nowNs = clock.monotonicNs
        if let countedNs = state.countedNs, nowNs >= countedNs, nowNs - countedNs < Self.keptNs { return }
        state.counts = state.count?() ?? Counts()
        state.countedNs = nowNs
        // Without /proc the page tells nothing.
        guard let resident = try? source.now() else {
            state.made = nil
            return
        }
        state.made = MemoryReport(
            rows: held(state.counts) + measured(resident, state), resident: resident, ceiling: keeper.ceiling,
            step: keeper.stepNumber)
    }

    /// What stands in blocks of malloc and is known by somebody.
    private func held(_ counts: Counts) -> [MemoryReport.Row] {
        counts.series.kinds.map { .init(kind: $0.kind, bytes: $0.bytes, how: .estimated) }
            + MemoryAccount.Kind.allCases.map {
                let limitBytes = account.limitBytes(of: $0)
                return MemoryReport.Row(
                    kind: $0.rawValue, bytes: account.usedBytes(of: $0),
                    limitBytes: limitBytes > 0 ? limitBytes : nil, how: .charged)
            } + [
                .init(kind: "spare", bytes: counts.spareBytes, how: .estimated),
                .init(kind: "http", bytes: Self.connectionBytes * counts.connections, how: .estimated),
                .init(
                    kind: "metrics",
                    bytes: Self.instrumentBytes * registry.instrumentCount + registry.lastPageBytes,
                    how: .estimated),
            ]
    }

    /// What malloc and the kernel say. Of what malloc keeps free only the part counts that is resident. Its
    /// own figure has pages in it, too, which it has given back.
    private func measured(_ resident: ResidentMemory, _ state: borrowing State) -> [MemoryReport.Row] {
        // Without /proc the page tells nothing at all.
        let threads = (try? files.list("/proc/self/task").count) ?? 0
        let stacks = threads * Self.stackBytes
        let anonymous = Int(clamping: resident.anonymousBytes)
        let free = max(
            0, anonymous - stacks - state.writtenBytes - Int(clamping: Heap.bytes.allocated))
        return [
            .init(kind: "start", bytes: state.startBytes, how: .measured),
            .init(kind: "heap_free", bytes: free, how: .measured),
            .init(kind: "stacks", bytes: stacks, how: .estimated),
            .init(
                kind: "program", bytes: Int(clamping: resident.fileBytes) + state.writtenBytes,
                how: .measured),
        ]
    }

    /// Adds the families; the report is made when the page is rendered.
    func register() {
        registry.observe(
            "narthex_memory_bytes", help: "Resident memory that the agent can account for, by kind.",
            type: .gauge
        ) { [weak self] in
            self?.report()?.rows.map {
                Measurement(labels: [("kind", $0.kind)], value: Double($0.bytes))
            } ?? []
        }
        let numbers: [(String, String, @Sendable (MemoryReport) -> Int)] = [
            (
                "narthex_memory_unaccounted_bytes",
                "Resident memory that is of no kind; below zero where the kinds say more than is resident.",
                { $0.unaccountedBytes }
            ),
            (
                "narthex_memory_ceiling_bytes",
                "Resident memory that the agent stays below; 0 where it has no ceiling.",
                { Int(clamping: $0.ceiling?.bytes ?? 0) }
            ),
            (
                "narthex_memory_step", "The last step in force against the ceiling on memory; 0 for none.",
                { $0.step }
            ),
        ]
        for (name, help, number) in numbers {
            registry.observe(name, help: help, type: .gauge) { [weak self] in
                self?.report().map { [Measurement(value: Double(number($0)))] } ?? []
            }
        }
    }
}
