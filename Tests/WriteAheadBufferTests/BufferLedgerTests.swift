import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// Any order of appends, reads, answers, crashes and retention against a model that is a few arrays.
struct BufferLedgerTests {
    /// What a destination is expected to hold of one target.
    private struct Pending {
        var frames: [(content: FrameContent, samples: Int)] = []
        /// Samples of the first one that are answered for.
        var consumed = 0
        var read = 0
    }

    private final class Model {
        let fixture: BufferFixture
        let chunks = (0..<5).map { TestFrames.chunk("c\($0)_", count: [1, 3, 30, 9, 20][$0]) }
        let targets: [Target]
        let names: [String]
        var generator: SeededGenerator
        var buffer: WriteAheadBuffer?
        var streams: [String: Stream] = [:]
        var pending: [String: [UInt64: Pending]] = [:]
        var handed: [String: [StoredFrame]] = [:]
        var inFlight: [String: BufferPosition] = [:]
        var delivered: [String: [String: UInt64]] = [:]
        var scraped: [String: UInt64] = [:]
        var before: [Double] = []
        var step = 0

        init(seed: UInt64) throws {
            generator = SeededGenerator(seed: seed)
            fixture = try BufferFixture()
            fixture.segmentSizeBytes = [1, 3_000, 50_000][generator.below(3)]
            targets = (0..<5).map { TestFrames.target("t\($0)", job: "job\($0 % 2)") }
            names = generator.chance(50) ? ["a"] : ["a", "b"]
            // Some follow the appender, and some decode.
            fixture.recentFrameBytes = generator.chance(50) ? 8_192 : 0
            try open()
        }

        func open() throws {
            streams = [:]
            buffer = nil
            let buffer = try fixture.open()
            for name in names {
                let stream = try buffer.openStream(name)
                streams[name] = stream
                handed[name] = []
                #expect(stream.inFlightEnd == inFlight[name])
                for id in targets.map(\.id) { pending[name, default: [:]][id, default: Pending()].read = 0 }
            }
            self.buffer = buffer
        }

        func append() throws {
            let target = targets[generator.below(targets.count)]
            step += 1
            let frame = TestFrames.random(target, chunks, at: Int64(step), before: before, &generator)
            before = frame.values
            try buffer?.append(frame)
            scraped[target.job, default: 0] += UInt64(frame.sampleCount)
            // A frame without a sample is not handed out.
            guard frame.sampleCount > 0 else { return }
            for name in names {
                pending[name]?[target.id]?.frames.append((FrameContent(frame), frame.sampleCount))
            }
        }

        func read(_ name: String) throws {
            guard let stream = streams[name] else { return }
            guard let stored = try stream.next() else {
                for target in targets {
                    let own = pending[name]?[target.id]
                    #expect(own?.read == own?.frames.count, "everything unanswered is handed out")
                }
                return
            }
            let id = stored.frame.target.id
            guard var own = pending[name]?[id], own.read < own.frames.count else {
                Issue.record("a frame that nobody waits for")
                return
            }
            #expect(FrameContent(stored.frame) == own.frames[own.read].content)
            #expect(Int(stored.start.sample) == (own.read == 0 ? own.consumed : 0))
            own.read += 1
            pending[name]?[id] = own
            handed[name]?.append(stored)
        }

        func answer(_ name: String) throws {
            guard let stream = streams[name], let open = handed[name], !open.isEmpty else { return }
            let count = 1 + generator.below(open.count)
            let last = open[count - 1]
            var end = last.end
            let samples = last.frame.sampleCount
            if generator.chance(40), samples > Int(last.start.sample) + 1 {
                end = last.start
                end.sample += 1 + UInt32(generator.below(samples - Int(last.start.sample) - 1))
            }
            try stream.willSend(upTo: end)
            inFlight[name] = end
            #expect(stream.inFlightEnd == end)
            guard generator.chance(70) else { return }
            var outcome: [String: UInt64] = [:]
            for (offset, stored) in open[..<count].enumerated() {
                let to = offset == count - 1 && end != last.end ? Int(end.sample) : stored.frame.sampleCount
                outcome[stored.frame.target.job, default: 0] += UInt64(to - Int(stored.start.sample))
            }
            try stream.answered(upTo: end, outcome: Outcomes(delivered: outcome))
            inFlight[name] = nil
            for (job, count) in outcome { delivered[name, default: [:]][job, default: 0] += count }
            try forget(name, count, end, last)
            #expect(stream.inFlightEnd == nil)
        }

        private func forget(
            _ name: String, _ count: Int, _ end: BufferPosition, _ last: StoredFrame
        ) throws {
            let whole = end == last.end ? count : count - 1
            for stored in handed[name]?[..<whole] ?? [] {
                pending[name]?[stored.frame.target.id]?.frames.removeFirst()
                pending[name]?[stored.frame.target.id]?.read -= 1
                pending[name]?[stored.frame.target.id]?.consumed = 0
            }
            handed[name]?.removeFirst(whole)
            if end != last.end {
                pending[name]?[last.frame.target.id]?.consumed = Int(end.sample)
                // The rest is handed out anew from where the answer ends.
                handed[name]?[0] = StoredFrame(frame: last.frame, start: end, end: last.end)
            }
        }

        func rewind(_ name: String) {
            streams[name]?.rewind()
            handed[name] = []
            for target in targets {
                pending[name]?[target.id]?.read = 0
            }
        }

        func check() {
            guard let ledger = buffer?.ledger() else { return }
            #expect(ledger.jobs == scraped)
            for name in names {
                for (job, total) in scraped {
                    let books = ledger.destinations[name]?[job]
                    #expect(books?.scraped == total)
                    #expect(books?.delivered == delivered[name]?[job] ?? 0)
                    #expect(books?.dropped == [:])
                    var held = 0
                    for target in targets where target.job == job {
                        let own = pending[name]?[target.id] ?? Pending()
                        held += own.frames.reduce(0) { $0 + $1.samples } - own.consumed
                    }
                    #expect(books?.buffered == UInt64(held))
                }
            }
        }

        func act() throws {
            let name = names[generator.below(names.count)]
            switch generator.below(100) {
            case ..<35: try append()
            case ..<70: try read(name)
            case ..<85: try answer(name)
            case ..<88: rewind(name)
            case ..<91: try open()
            case ..<95: buffer?.sync()
            default: fixture.clock.advance(ms: 60_000)
            }
        }
    }

    @Test(arguments: 1...60)
    func scrapedIsDeliveredAndDroppedAndBuffered(seed: UInt64) throws {
        let model = try Model(seed: seed)
        for _ in 0..<300 {
            try model.act()
            model.check()
        }
        try model.open()
        for name in model.names {
            for _ in 0..<1_000 { try model.read(name) }
        }
        model.check()
        model.buffer = nil
        model.streams = [:]
        #expect(model.fixture.files.openCount == 0, "seed \(seed)")
    }
}
