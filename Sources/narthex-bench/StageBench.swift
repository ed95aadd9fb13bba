import Cryptography
import AWS
import Logging
import MetricModel
import Platform
import RemoteWrite
import Scrape
import StandIns
import Telemetry
import WriteAheadBuffer

/// The stages of one round, each over all targets before the next begins, so that each is timed by itself.
struct StageBench {
    /// Figures a sample.
    struct Figures {
        var textBytes = 0.0
        var firstScrapeNs = Double.infinity
        var scrapeNs = Double.infinity
        var strtodNs = Double.infinity
        var appendNs = Double.infinity
        var bufferBytes = 0.0
        var readNs = Double.infinity
        var encodeNs = Double.infinity
        var snappyNs = Double.infinity
        var libsnappyNs = Double.infinity
        var hashNs = Double.infinity
        var requestBytes = 0.0
        var compressedBytes = 0.0

        var wholeNs: Double { scrapeNs + appendNs + readNs + encodeNs + snappyNs + hashNs }
    }

    private(set) var best = Figures()
    private let body: SyntheticBody
    private let churn: Churn
    private let clock = SystemClock()
    private let folder: String
    private let scrapes: [TargetScrape]
    private let buffer: WriteAheadBuffer
    private let registry = MetricRegistry()
    private let reader: DestinationReader
    private let encoder = RequestEncoder()
    private var nowMs: Int64

    init(body: SyntheticBody, churn: Churn, targets: Int, folder: String) throws {
        self.body = body
        self.churn = churn
        self.folder = folder
        nowMs = clock.wallMs
        let interner = LayoutInterner()
        scrapes = (0..<targets).map { index in
            let labels = LabelSet([Label("instance", "10.0.0.\(index):9100"), Label("job", "bench")])
            return TargetScrape(target: Target(job: "bench", own: labels), interner: interner)
        }
        buffer = try WriteAheadBuffer(
            BufferConfiguration(directory: folder), interner: interner, clock: clock, files: POSIXFiles(),
            registry: registry, logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        reader = try buffer.openDestination("bench").reader
    }

    /// One scrape of every target, all the way. The first round builds layouts and is counted apart.
    mutating func round(_ round: Int) throws {
        let text = body.text(scrape: round)
        let texts = scrapes.indices.map { churn.apply(to: text, scrape: round, target: $0) }
        nowMs += 15_000
        var frames: [Frame] = []
        frames.reserveCapacity(scrapes.count)
        let scrapeNs = try time {
            for (scrape, text) in zip(scrapes, texts) {
                frames.append(unsafe try scrape.consume(text.span.bytes, at: nowMs))
            }
        }
        // Stale markers are samples, too.
        let samples = Double(frames.reduce(0) { $0 + $1.sampleCount })
        let written = bufferBytes()
        let appendNs = try time { for frame in frames { try buffer.append(frame) } }
        let bytes = bufferBytes() - written
        var stored: [StoredFrame] = []
        stored.reserveCapacity(scrapes.count)
        let readNs = try time { while let frame = try reader.next() { stored.append(frame) } }
        guard stored.count == frames.count, let first = stored.first, let last = stored.last else {
            throw BenchError("the buffer gave \(stored.count) of \(frames.count) frames back")
        }
        var request = (byteCount: 0, sampleCount: 0)
        var compressed: [UInt8] = []
        var encodeNs = 0.0
        var snappyNs = 0.0
        var libsnappyNs = 0.0
        var hashNs = 0.0
        var rawBytes = 0
        var sentBytes = 0
        // One target a request: about as many samples as a request has by default.
        for frame in stored {
            encodeNs += time { request = encoder.encode([frame.frame]) }
            snappyNs += time { compressed = encoder.compress() }
            let plain = encoder.bytes
            libsnappyNs += time { _ = LibSnappy.compress(plain) }
            // Safety: bytes have no padding, so every one of the span's may be read.
            hashNs += time { _ = unsafe SHA256.hex(compressed.span.bytes) }
            rawBytes += request.byteCount
            sentBytes += compressed.count
        }
        let whole = first.lead..<last.end
        try reader.willSend([0: SentRequest(spans: [whole])])
        try reader.answered(
            [0], ranges: [whole], outcome: ["bench": JobOutcome(delivered: UInt64(samples))])
        guard round > 0 else {
            best.firstScrapeNs = scrapeNs / samples
            return
        }
        best.textBytes = Double(text.count) / Double(body.seriesCount)
        best.scrapeNs = min(best.scrapeNs, scrapeNs / samples)
        var yardstick = Yardstick(text)
        best.strtodNs = min(best.strtodNs, yardstick.strtodNs())
        best.appendNs = min(best.appendNs, appendNs / samples)
        // Of a page that changes, what it comes to in the long run.
        best.bufferBytes = churn.share > 0 ? bytes / samples : max(best.bufferBytes, bytes / samples)
        best.readNs = min(best.readNs, readNs / samples)
        best.encodeNs = min(best.encodeNs, encodeNs / samples)
        best.snappyNs = min(best.snappyNs, snappyNs / samples)
        best.libsnappyNs = min(best.libsnappyNs, libsnappyNs / samples)
        best.hashNs = min(best.hashNs, hashNs / samples)
        best.requestBytes = Double(rawBytes) / samples
        best.compressedBytes = Double(sentBytes) / samples
    }

    /// What the bytes of all rounds are spent on.
    func density() throws -> DensityReport { try DensityReport(directory: folder) }

    private func bufferBytes() -> Double {
        registry.render().split(separator: "\n").first { $0.hasPrefix("narthex_buffer_written_bytes_total ") }
            .flatMap { $0.split(separator: " ").last.flatMap { Double($0) } } ?? 0
    }

    private func time(_ work: () throws -> Void) rethrows -> Double {
        let start = clock.monotonicNs
        try work()
        return Double(clock.monotonicNs - start)
    }
}
