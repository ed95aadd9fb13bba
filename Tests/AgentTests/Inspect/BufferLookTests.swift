import JSON
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing
import WriteAheadBuffer

@testable import Agent

struct BufferLookTests {
    private let folder: TemporaryFolder
    private let clock = ManualClock()

    init() throws { folder = try TemporaryFolder() }

    /// A buffer with three frames of a job with a hostile name, one of them with all that is rare.
    private func made() throws {
        let interner = LayoutInterner()
        let buffer = try WriteAheadBuffer(
            BufferConfiguration(directory: folder.path), interner: interner, clock: clock,
            files: POSIXFiles(), registry: MetricRegistry(), logger: Logger(label: "test"))
        _ = try buffer.openDestination("amp\u{1B}[2J")
        let target = Target(job: "j\u{7}", own: LabelSet([Label("instance", "a\nb")]))
        var builder = LayoutChunkBuilder()
        let label = Array("__name__".utf8)
        for name in ["up", "h", "late"] {
            let value = Array(name.utf8)
            builder.appendLabel(name: label.span, value: value.span)
            builder.appendTargetLabel(0)
            builder.endSeries()
        }
        let plain = builder.finish().plain
        let chunk = try #require(
            LayoutChunk(
                bytes: plain.bytes, pieces: plain.pieces, pieceOffsets: plain.pieceOffsets,
                histogramSeries: [1]))
        let layout = Layout([chunk])
        let histogram = NativeHistogram(
            schema: 0, sum: 2, positiveSpans: [.init(offset: 0, length: 1)],
            counts: .integer(count: 3, zeroCount: 0, positiveDeltas: [3], negativeDeltas: []))
        try buffer.append(
            Frame(
                target: target, layout: layout, timestampMs: clock.wallMs, values: [.infinity, 2, 0.5],
                explicitTimestamps: [.init(series: 2, timestampMs: 5)],
                histograms: [.init(series: 1, histogram: histogram)],
                exemplars: [
                    .init(
                        series: 0,
                        exemplar: Exemplar(
                            labels: LabelSet([Label("trace_id", "x")]), value: 1, timestampMs: nil))
                ], startTimestamps: [.init(series: 0, timestampMs: 4)]))
        try buffer.append(
            Frame(
                target: target, layout: layout, timestampMs: clock.wallMs + 1,
                values: [1, StaleMarker.value, 0], absent: [2]))
        try buffer.append(
            Frame(
                target: Target(job: "k", own: LabelSet()), layout: Layout([]),
                timestampMs: clock.wallMs + 2, values: []))
        try buffer.close()
    }

    private func look(
        _ action: BufferLook.Action, _ change: (inout BufferLook) -> Void = { _ in }
    ) -> (text: String, failure: AgentError?) {
        var look = BufferLook(action, folder.path)
        change(&look)
        var text = ""
        do throws(AgentError) {
            try look.run(clock: clock) { text += $0 }
            return (text, nil)
        } catch {
            return (text, error)
        }
    }

    private func json(_ action: BufferLook.Action) throws -> JSONNode {
        let (text, failure) = look(action) { $0.showsJSON = true }
        #expect(failure == nil)
        return try JSONReader.read(Array(text.utf8))
    }

    private func items(_ node: JSONNode?) throws -> [JSONNode] {
        guard case .array(let items) = try #require(node).content else { return [] }
        return items
    }

    @Test func whatIsHeldIsShownForPeopleAndForPrograms() throws {
        try made()
        clock.advance(ms: 90_000)
        let (text, failure) = look(.inspect)
        #expect(failure == nil)
        #expect(text.contains("\ndestination amp\\u{1b}[2J: answered for up to 1:0 and in 0 ranges beyond"))
        #expect(text.contains("  j\\u{7}"))
        #expect(text.contains("1m30s"))
        #expect(text.allSatisfy { $0 == "\n" || !($0.asciiValue.map { $0 < 0x20 } ?? false) })

        let page = try json(.inspect)
        #expect(page["directory"]?.string == folder.path && page["isDamaged"]?.content == .bool(false))
        #expect(page["nowMs"]?.number == Double(clock.wallMs))
        let destination = try #require(items(page["destinations"]).first)
        #expect(destination["name"]?.string == "amp\u{1B}[2J")
        let job = try #require(items(destination["jobs"]).first)
        #expect(job["job"]?.string == "j\u{7}" && job["buffered"]?.number == 5)
        #expect(job["found"]?["samples"]?.number == 5 && job["found"]?["frames"]?.number == 2)
        #expect(job["found"]?["newestMs"]?.number == Double(clock.wallMs - 90_000 + 1))
        let density = try #require(page["density"])
        let parts = try items(density["parts"]).compactMap { $0["bytes"]?.number }
        #expect(parts.reduce(0, +) == density["bytes"]?.number && density["samples"]?.number == 5)
        let fileBytes = try items(page["segments"]).compactMap { $0["fileBytes"]?.number }
        #expect(fileBytes == [try #require(density["bytes"]?.number)])
        #expect(try items(page["findings"]).isEmpty)
    }

    @Test func aDumpHasLabelsAndValues() throws {
        try made()
        let frames = try items(json(.dump)["frames"])
        #expect(frames.count == 3)
        #expect(frames[0]["target"]?["instance"]?.string == "a\nb")
        let samples = try items(frames[0]["samples"])
        #expect(samples.count == 3 && samples[0]["value"]?.string == "+Inf")
        #expect(samples[0]["labels"]?["__name__"]?.string == "up" && samples[0]["startMs"]?.number == 4)
        let exemplar = try #require(items(samples[0]["exemplars"]).first)
        #expect(exemplar["labels"]?["trace_id"]?.string == "x" && exemplar["value"]?.number == 1)
        #expect(samples[1]["histogram"]?.string == "histogram (schema 0, 1 buckets, count 3, sum 2.0)")
        #expect(samples[2]["timestampMs"]?.number == 5 && samples[2]["value"]?.number == 0.5)
        #expect(try items(frames[1]["samples"]).compactMap { $0["value"]?.string } == ["stale"])

        let (text, _) = look(.dump)
        #expect(text.contains("job j\\u{7}, 3 samples of {instance=\"a\\nb\"}\n"))
        #expect(text.contains("  {__name__=\"up\", instance=\"a\\nb\"} inf since 4 # {trace_id=\"x\"} 1.0\n"))
        let offset = try #require(frames[1]["offset"]?.number)
        let one = look(.dump) { $0.limit = 1 }.text.split(separator: "\n")
        #expect(one.count == 5 && one.last == "… 2 more frames: --limit=0 shows them")
        #expect(look(.dump) { $0.limit = 2 }.text.hasSuffix("\n… 1 more frame: --limit=0 shows it\n"))
        #expect(!look(.dump) { $0.limit = 0 }.text.contains("more frame"))
        #expect(look(.dump) { $0.job = "k" }.text.split(separator: "\n").count == 1)
        let later = look(.dump) {
            $0.segment = 1
            $0.offset = UInt64(offset)
        }
        #expect(later.text.hasPrefix("1:\(UInt64(offset)) "))
        for (limit, more) in [(0, 0), (1, 2), (3, 0)] {
            let (text, _) = look(.dump) {
                $0.showsJSON = true
                $0.limit = limit
            }
            let page = try JSONReader.read(Array(text.utf8))
            #expect(page["moreFrames"]?.number == Double(more))
            #expect(try items(page["frames"]).count == 3 - more)
        }
    }

    /// A buffer may have many gigabytes behind the frames that are shown.
    @Test func aDumpLooksAtSoManyFramesBehindTheLast() throws {
        let buffer = try WriteAheadBuffer(
            BufferConfiguration(directory: folder.path), interner: LayoutInterner(), clock: clock,
            files: POSIXFiles(), registry: MetricRegistry(), logger: Logger(label: "test"))
        let targets = ["j", "k"].map { Target(job: $0, own: LabelSet()) }
        for number in 0..<10_020 {
            try buffer.append(
                Frame(
                    target: targets[number % 2], layout: Layout([]), timestampMs: Int64(number), values: []))
        }
        try buffer.close()
        let first = look(.dump) { $0.limit = 1 }.text
        #expect(first.hasSuffix("… at least 10000 more frames: --limit=0 shows all\n"))
        let (text, _) = look(.dump) {
            $0.job = "k"
            $0.limit = 3
            $0.showsJSON = true
        }
        let page = try JSONReader.read(Array(text.utf8))
        #expect(page["moreFrames"]?.number == 5_000 && text.contains("\"hasCountedAll\":false,"))
        #expect(look(.dump) { $0.limit = 21 }.text.hasSuffix("… 9999 more frames: --limit=0 shows them\n"))
    }

    @Test func aDumpOfWhatIsNotThereSaysSoAndIsAStatus() throws {
        try made()
        func said(_ change: @escaping (inout BufferLook) -> Void) -> String? {
            for showsJSON in [false, true] {
                let (text, failure) = look(.dump) {
                    change(&$0)
                    $0.showsJSON = showsJSON
                }
                #expect(failure?.code == .storage && text.isEmpty == !showsJSON)
            }
            return look(.dump, change).failure?.message
        }
        let path = folder.path
        #expect(said { $0.job = "no" } == "\(path) holds no frame of job no")
        #expect(said { $0.segment = 2 } == "\(path) holds no segment 2: its newest is 1")
        #expect(said { ($0.segment, $0.offset) = (1, 99_999) } == "\(path) holds no frame from 1:99999 on")
        #expect(
            said { ($0.segment, $0.job) = (1, "n\no") } == "\(path) holds no frame of job n\\no from 1:0 on")
        // Nothing was asked for.
        try POSIXFiles().remove("\(path)/00000000000000000001.segment")
        #expect(look(.dump).failure == nil)
        #expect(said { $0.segment = 1 } == "\(path) holds no segment")
    }

    @Test func damageIsNamedAndIsAStatus() throws {
        try made()
        #expect(look(.verify).text == "1 segment, 1 cursor; 5 samples can be read: no damage\n")
        let files = POSIXFiles()
        let path = "\(folder.path)/00000000000000000001.segment"
        var bytes = try files.contents(of: path, limitBytes: 1 << 20)
        bytes[100] ^= 1
        try files.replace(path, with: bytes)
        let (text, failure) = look(.verify)
        #expect(text.hasPrefix("00000000000000000001.segment offset 80: a record of "))
        // The books that it begins with, so nobody knows.
        #expect(text.hasSuffix("5 samples can be read, how many are lost is not known: damaged\n"))
        #expect(failure?.code == .refused && failure?.message == "")
        #expect(look(.inspect).failure == nil)
        let (machine, status) = look(.verify) { $0.showsJSON = true }
        #expect(status?.code == .refused)
        let finding = try #require(items(JSONReader.read(Array(machine.utf8))["findings"]).first)
        #expect(finding["what"]?.string == "checksum" && finding["offset"]?.number == 80)
        #expect(finding["isDamage"]?.content == .bool(true) && finding["samples"] == nil)
    }

    /// Beside an agent the end of what is written is no write that a crash has torn.
    @Test(arguments: BufferLook.Action.allCases)
    func theEndThatAnAgentWritesIsNotCalledTorn(action: BufferLook.Action) throws {
        try made()
        let files = POSIXFiles()
        let path = "\(folder.path)/00000000000000000001.segment"
        let whole = try files.contents(of: path, limitBytes: 1 << 20)
        try files.replace(path, with: whole + Array(whole[80..<110]))
        #expect(look(action).text.contains("a write was not finished: a start leaves out 30 bytes"))
        let lock = try files.open("\(folder.path)/narthex.lock", .update)
        #expect(try files.lock(lock))
        #expect(look(action).text.contains("30 bytes are being written"))
        try files.close(lock)
    }

    /// Damage or none: what the disk does not give is a status of its own.
    @Test func whatCannotBeReadIsAStatus() throws {
        try made()
        let files = StallingFiles()
        files.refuseReads(of: ".segment")
        for action in BufferLook.Action.allCases {
            let failed = #expect(throws: AgentError.self) {
                try BufferLook(action, folder.path).run(clock: clock, files: files) { _ in }
            }
            #expect(failed?.code == .storage && failed?.message == "", "\(action)")
        }
    }

    @Test func whatIsNoBufferIsAnErrorAndSoIsAWriteThatFails() throws {
        for action in BufferLook.Action.allCases {
            let failure = look(action).failure
            #expect(failure?.message == "\(folder.path) holds no file of a buffer")
            #expect(failure?.code == .storage)
        }
        let missing = BufferLook(.verify, "\(folder.path)/no")
        let error = #expect(throws: AgentError.self) { try missing.run(clock: clock) { _ in } }
        #expect(error?.code == .storage && error?.message.contains("cannot be looked at") == true)
        try made()
        for action in BufferLook.Action.allCases {
            let failed = #expect(throws: AgentError.self) {
                try BufferLook(action, folder.path).run(clock: clock) { _ throws(AgentError) in
                    throw AgentError(.output, "full")
                }
            }
            #expect(failed?.code == .output)
        }
    }
}
