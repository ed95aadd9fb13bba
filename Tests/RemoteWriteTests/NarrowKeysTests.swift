import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

struct NarrowKeysTests {
    @Test func keysThatNobodyUsesAreForgotten() {
        var keys = NarrowKeys(most: 100_000)
        for key in 0..<50_000 as Range<UInt64> {
            let isAdded = keys.add(key, ofJob: key % 7, isUsed: { $0 + 10 > key })
            #expect(isAdded)
        }
        // 49,980 is a multiple of seven.
        #expect(Set(keys.used(ofJob: 1, isUsed: { $0 >= 49_980 })) == [49_981, 49_988, 49_995])
        #expect(Set(keys.used(ofJob: 1, isUsed: { _ in true })) == [49_981, 49_988, 49_995])
        keys.forget(ofJob: 1)
        #expect(keys.used(ofJob: 1, isUsed: { _ in true }).isEmpty)
        #expect(keys.used(ofJob: 2, isUsed: { _ in false }).isEmpty)
    }

    @Test func moreThanTheMostAreNotTakenWhileAllAreInUse() {
        var keys = NarrowKeys(most: 3)
        for key in 1...3 as ClosedRange<UInt64> {
            let isAdded = keys.add(key, ofJob: 9, isUsed: { _ in true })
            #expect(isAdded)
        }
        let more = keys.add(4, ofJob: 9, isUsed: { _ in true })
        let again = keys.add(2, ofJob: 9, isUsed: { _ in true })
        #expect(!more && again)
        #expect(Set(keys.used(ofJob: 9, isUsed: { _ in true })) == [1, 2, 3])
        let later = keys.add(4, ofJob: 9, isUsed: { $0 != 1 })
        #expect(later)
        #expect(Set(keys.used(ofJob: 9, isUsed: { _ in true })) == [2, 3, 4])
        keys.forget(ofJob: 9)
        let first = keys.add(5, ofJob: 9, isUsed: { _ in false })
        #expect(first)
    }

    /// Series of a target whose labels with these numbers they have, and `task` as one of their own.
    private static func chunk(
        _ labels: [Int], count: Int = 1, prefix: String = "m", task: String? = nil
    ) -> LayoutChunk {
        var builder = LayoutChunkBuilder()
        for series in 0..<count {
            let (name, value) = (Array("__name__".utf8), Array("\(prefix)\(series)".utf8))
            builder.appendLabel(name: name.span, value: value.span)
            for label in labels { builder.appendTargetLabel(label) }
            if let task {
                let (name, value) = (Array("task".utf8), Array(task.utf8))
                builder.appendLabel(name: name.span, value: value.span)
            }
            builder.endSeries()
        }
        return builder.finish()
    }

    private static func window(_ store: BufferedDestination) -> ShippingWindow {
        ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(WindowSize(least: 8, most: 8)), views: nil,
            mostSamples: 10, mostFlying: 8, options: 1)
    }

    /// The first frame that gives the job its wide key was in flight before a crash, and an earlier one was
    /// not: the later ones wait for both.
    @Test func aRequestMadeAgainIsNotTheOneThatTheOthersWaitBehind() throws {
        let clock = ManualClock(wallMs: 1_700_000_000_000)
        var store = BufferedDestination(clock: clock)
        func frame(_ task: String, _ chunks: [LayoutChunk]) -> Frame {
            let labels = [Label("instance", "a"), Label("job", "x"), Label("task", task)]
            return Frame(
                target: TestFrames.target(job: "x", labels), layout: Layout(chunks),
                timestampMs: clock.wallMs, values: chunks.map { _ in 1 })
        }
        store.append([
            frame("1", [Self.chunk([0, 1])]),
            frame("2", [Self.chunk([0, 1]), Self.chunk([1], prefix: "n")]),
            frame("3", [Self.chunk([0, 1])]),
        ])
        var covers: [Range<BufferPosition>] = []
        while let stored = try store.reader.next() { covers.append(stored.cover(stored.open[0])) }
        try store.reader.willSend([7: SentRequest(spans: [covers[1]], options: 1)])
        store = store.afterCrash()
        let window = Self.window(store)
        for expected in [1, 0, 2] {
            guard case .claim(let claim) = try window.look(samples: 10, nowNs: 0, dueNs: .max) else {
                Issue.record("frame \(expected) may leave")
                return
            }
            #expect(FrameSlice.covers(claim.slices[...]) == [covers[expected]])
            window.left(claim)
            guard case .nothing = try window.look(samples: 10, nowNs: 0, dueNs: .max) else {
                Issue.record("another flies beside frame \(expected)")
                return
            }
            try window.book(claim.resend.map { [$0.number] } ?? [], [covers[expected]], Outcomes())
            window.release(claim)
        }
    }

    /// A window over a buffer in memory. Which frames share a series is known from their labels alone.
    private struct Run {
        let seed: UInt64
        var random: SplitMix64
        var store: BufferedDestination
        var window: ShippingWindow
        /// In the order of the log: the series of each frame, and how many of its samples have no answer.
        var frames: [(series: Set<String>, left: Int)] = []
        /// The frames by the starts of their records.
        var numbers: [BufferPosition: Int] = [:]
        var flying: [(claim: WaitingSlices.Claim, number: UInt64)] = []
        var mostFlying = 0

        init(seed: UInt64) throws {
            self.seed = seed
            random = SplitMix64(seed: seed)
            let clock = ManualClock(wallMs: 1_700_000_000_000)
            store = BufferedDestination(clock: clock)
            window = NarrowKeysTests.window(store)
            for second in 0..<80 {
                let frame = randomFrame(atMs: clock.wallMs - 600_000 + Int64(second) * 1_000)
                store.append([frame])
                frames.append((Set(frame.samples.map { "\(LabelSet($0.labels))" }), frame.sampleCount))
            }
            for (number, stored) in try store.frames().enumerated() { numbers[stored.start] = number }
        }

        mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

        /// Of two jobs with six targets each, whose labels are instance, job and task in this order. Most
        /// frames lack the task in all scraped series. Others lack no label, the instance as well, or
        /// different labels in different series.
        private mutating func randomFrame(atMs timestampMs: Int64) -> Frame {
            let job = ["x", "y"][below(2)]
            let target = TestFrames.target(
                job: job,
                [
                    Label("instance", ["a", "b"][below(2)]), Label("job", job),
                    Label("task", ["1", "2", "3"][below(3)]),
                ])
            let scraped =
                switch below(20) {
                case 0..<3: [chunk([0, 1, 2])]
                case 3..<15: [chunk([0, 1])]
                case 15..<17: [chunk([1])]
                case 17: [chunk([0, 1]), chunk([1], prefix: "n")]
                case 18: [chunk([0, 1], task: "pushed")]
                default: [chunk([0, 1, 2]), chunk([1, 2], prefix: "n"), chunk([0, 1], prefix: "o")]
                }
            let layout = Layout(scraped + [chunk([0, 1, 2], prefix: "up")])
            return Frame(
                target: target, layout: layout, timestampMs: timestampMs,
                values: Array(repeating: 1, count: layout.seriesCount))
        }

        private mutating func chunk(
            _ labels: [Int], prefix: String = "m", task: String? = nil
        ) -> LayoutChunk {
            NarrowKeysTests.chunk(labels, count: 1 + below(4), prefix: prefix, task: task)
        }

        /// Whether there was something to claim.
        mutating func claim() throws -> Bool {
            guard window.turns.take(Event()) == .mine else { return false }
            guard
                case .claim(let claim) = try window.look(samples: 1 + below(12), nowNs: 0, dueNs: .max)
            else {
                window.turns.give()
                return false
            }
            _ = window.turns.claimed()
            check(claim)
            let number = claim.resend?.number ?? window.newNumbers(1)[0]
            if claim.resend == nil {
                let request = SentRequest(spans: FrameSlice.covers(claim.slices[...]), options: 1)
                try window.note([number: request], replacing: [])
            }
            window.left(claim)
            flying.append((claim, number))
            mostFlying = max(mostFlying, flying.count)
            return true
        }

        private func check(_ claim: WaitingSlices.Claim) {
            let claimed = Set(claim.slices.compactMap { numbers[$0.record] })
            let others = Set(flying.flatMap { $0.claim.slices.compactMap { numbers[$0.record] } })
            for number in claimed {
                for other in frames.indices where other != number {
                    guard !frames[other].series.isDisjoint(with: frames[number].series) else { continue }
                    #expect(!claimed.contains(other), "\(other) and \(number) in one request, seed \(seed)")
                    #expect(!others.contains(other), "\(number) flies beside \(other), seed \(seed)")
                    let isOvertaken = other < number && frames[other].left > 0
                    #expect(!isOvertaken, "\(number) overtakes \(other), seed \(seed)")
                }
            }
        }

        mutating func answer() throws {
            let (claim, number) = flying.remove(at: below(flying.count))
            var outcome = Outcomes()
            for slice in claim.slices {
                outcome.deliver(slice.sampleCount, of: slice.frame.target.job)
                if let frame = numbers[slice.record] { frames[frame].left -= slice.sampleCount }
            }
            try window.book([number], FrameSlice.covers(claim.slices[...]), outcome)
            window.release(claim)
        }

        mutating func crash() {
            store = store.afterCrash()
            window = NarrowKeysTests.window(store)
            flying = []
        }
    }

    /// The frames of each job have narrow keys at first, some of which fly or wait when the job gets its wide
    /// key. After a crash that begins anew, with requests to be made again.
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func framesThatShareASeriesLeaveOneAfterTheOtherInTheOrderOfTheLog(seed: UInt64) throws {
        var run = try Run(seed: seed)
        for _ in 0..<200 {
            switch run.below(20) {
            case 0..<11: _ = try run.claim()
            case 11..<19: if !run.flying.isEmpty { try run.answer() }
            default: if run.below(3) == 0 { run.crash() }
            }
        }
        while run.frames.contains(where: { $0.left > 0 }) {
            if try run.claim() { continue }
            guard !run.flying.isEmpty else {
                Issue.record("frames wait for nothing, seed \(seed)")
                return
            }
            try run.answer()
        }
        let left = run.frames.map(\.left)
        #expect(left.allSatisfy { $0 == 0 } && run.store.isBalanced, "seed \(seed)")
        #expect(run.mostFlying > 2, "seed \(seed)")
    }
}
