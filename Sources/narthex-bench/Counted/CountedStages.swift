import Compression
import Cryptography
import Logging
import MetricModel
import Platform
import RemoteWrite
import Scrape
import Telemetry
import WriteAheadBuffer

/// The stages of a scrape's way, one after the other, each over the same input in every run.
///
/// What has to happen once (tables that grow, symbols that the linker looks up) happens before a stage is
/// counted: its work has been done for another target by then.
struct CountedStages {
    /// What a stage has done while it was counted.
    struct Count {
        let stage: String
        let samples: Int
        /// Scrapes, frames or requests.
        let units: Int
    }

    /// 2026-01-01T00:00:00Z, the time of the first scrape and of the clock.
    static let startMs: Int64 = 1_767_225_600_000
    private static let intervalMs: Int64 = 15_000
    /// What all stages scrape.
    static var target: Target { target(instance: "10.0.0.1:9100") }

    static func target(instance: String) -> Target {
        Target(job: "bench", own: LabelSet([Label("instance", instance), Label("job", "bench")]))
    }

    static func timeMs(ofScrape round: Int) -> Int64 { startMs + Int64(round) * intervalMs }

    /// A buffer in `folder`; `clock` stands still unless it is given.
    static func buffer(
        in folder: String, clock: any AgentClock = StandingClock(wallMs: startMs)
    ) throws -> WriteAheadBuffer {
        try WriteAheadBuffer(
            BufferConfiguration(directory: folder), interner: LayoutInterner(), clock: clock,
            files: POSIXFiles(), registry: MetricRegistry(), logger: silent)
    }

    /// Logs nothing.
    static var silent: Logger { Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() } }

    private let body = SyntheticBody.nodeExporter
    private let rounds: Int
    private let buffer: WriteAheadBuffer
    private let reader: DestinationReader
    private let encoder = RequestEncoder()

    /// The buffer is made in `folder`.
    init(rounds: Int, folder: String) throws {
        HashKey.fix(seed: 1)
        self.rounds = rounds
        buffer = try Self.buffer(in: folder)
        reader = try buffer.openDestination("bench").reader
    }

    /// Runs all stages; those are counted that `stage` names, all where it is nil. In the order in which
    /// they were counted.
    func run(counting stage: String?) throws -> [Count] {
        // The first pass is for what happens once.
        _ = try pass(counting: "")
        return try pass(counting: stage)
    }

    private func pass(counting wanted: String?) throws -> [Count] {
        var counts: [Count] = []
        var samples = 0
        func stage(_ name: String, units: Int, _ work: () throws -> Void) throws {
            if let wanted, wanted != name { return try work() }
            try countedStage(work)
            counts.append(Count(stage: name, samples: samples, units: units))
        }

        let texts = (0...rounds + 1).map { body.text(scrape: $0) }
        let scrape = TargetScrape(target: Self.target)
        samples = body.seriesCount
        var frames: [Frame] = []
        frames.reserveCapacity(rounds + 2)
        try stage("first", units: 1) { frames.append(try consume(texts[0], 0, scrape)) }
        // The second scrape is the first that finds a layout, and still makes things for the third.
        frames.append(try consume(texts[1], 1, scrape))
        samples = rounds * body.seriesCount
        try stage("scrape", units: rounds) {
            for round in 2..<rounds + 2 { frames.append(try consume(texts[round], round, scrape)) }
        }

        let packed = texts.dropFirst(2).compactMap { Gzip.encode($0.span) }
        guard packed.count == rounds else { throw BenchError("there is no memory to pack the bodies") }
        var unpacked: [UInt8] = []
        unpacked.reserveCapacity(texts.map(\.count).max() ?? 0)
        try stage("gzip", units: rounds) {
            for body in packed {
                unpacked.removeAll(keepingCapacity: true)
                try Gzip.decode(body.span, into: &unpacked, limitBytes: 1 << 30) { _ in true }
            }
        }

        // Frames without a base cost more: they are not counted.
        for frame in frames.prefix(2) { try buffer.append(frame) }
        var stored = try read()
        try stage("append", units: rounds) { for frame in frames.dropFirst(2) { try buffer.append(frame) } }
        try stage("read", units: rounds) { stored += try read() }
        guard stored.count == frames.count, let first = stored.first, let last = stored.last else {
            throw BenchError("the buffer gave \(stored.count) of \(frames.count) frames back")
        }

        // The requests of one frame each: about as many samples as a request has by default.
        var requests: [[UInt8]] = []
        let sent = stored.suffix(rounds).map { [$0.frame] }
        samples = sent.reduce(0) { $0 + $1[0].sampleCount }
        try stage("encode", units: rounds) { for frame in sent { _ = encoder.encode(frame) } }
        if wanted == nil || wanted == "snappy" {
            // Only one request is compressed in what is counted: the scratch holds one at a time.
            samples = encoder.encode(sent[0]).sampleCount
            try stage("snappy", units: 1) { requests.append(encoder.compress()) }
        } else {
            _ = encoder.encode(sent[0])
            requests.append(encoder.compress())
        }
        // As many frames of one shape in a request as there are rounds.
        let all = sent.flatMap { $0 }
        samples = all.reduce(0) { $0 + $1.sampleCount }
        try stage("together", units: 1) { _ = encoder.encode(all, .together(frames: .max)) }
        try stage("packed", units: 1) { _ = encoder.compress() }
        samples = sent[0][0].sampleCount
        try stage("hash", units: 1) {
            // Safety: bytes have no padding, so every one of the span's may be read.
            for request in requests { _ = unsafe SHA256.hex(request.span.bytes) }
        }

        let whole = first.lead..<last.end
        try reader.willSend([0: SentRequest(spans: [whole])])
        try reader.answered([0], ranges: [whole], outcome: ["bench": JobOutcome()])
        return counts
    }

    private func consume(_ text: [UInt8], _ round: Int, _ scrape: TargetScrape) throws -> Frame {
        // Safety: every element is a byte, and the array lives through the call.
        unsafe try scrape.consume(text.span.bytes, at: Self.timeMs(ofScrape: round))
    }

    private func read() throws -> [StoredFrame] {
        var stored: [StoredFrame] = []
        while let frame = try reader.next() { stored.append(frame) }
        return stored
    }
}

/// Does `work`. Callgrind is told to count only below this function.
@inline(never)
func countedStage(_ work: () throws -> Void) throws { try work() }
