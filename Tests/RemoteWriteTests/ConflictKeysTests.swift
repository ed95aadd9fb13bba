import MetricModel
import Testing

@testable import RemoteWrite

struct ConflictKeysTests {
    private func frame(_ target: Target, _ chunk: LayoutChunk? = nil) -> Frame {
        let chunk = chunk ?? TestFrames.chunk([[Label("__name__", "m")]], target)
        return Frame(
            target: target, layout: Layout([chunk]), timestampMs: 1,
            values: Array(repeating: 1, count: chunk.seriesCount))
    }

    @Test func oneTargetKeepsItsKeyUnderTwoJobsAndOtherExternalLabels() {
        var keys = ConflictKeys()
        let own = LabelSet([Label("instance", "a"), Label("job", "x")])
        let other = LabelSet([Label("instance", "a"), Label("job", "y")])
        let first = keys.keys(of: frame(Target(job: "x", own: own)))
        #expect(first.job == nil)
        #expect(keys.keys(of: frame(Target(job: "y", own: other))) == first)
        let external = LabelSet([Label("cluster", "c"), Label("region", "r")])
        #expect(keys.keys(of: frame(Target(job: "x", own: own, external: external))) == first)
        let elsewhere = LabelSet([Label("instance", "b"), Label("job", "x")])
        #expect(keys.keys(of: frame(Target(job: "x", own: elsewhere))) != first)
    }

    /// A series without its target's `instance` may be another target's, too; one without `job` or an
    /// external label may not.
    @Test func framesWhoseSeriesLackAnOwnLabelShareTheJobsKey() {
        var keys = ConflictKeys()
        func target(_ instance: String) -> Target {
            Target(
                job: "x", own: LabelSet([Label("instance", instance), Label("job", "x")]),
                external: LabelSet([Label("cluster", "c")]))
        }
        func chunk(_ labels: [Int]) -> LayoutChunk {
            var builder = LayoutChunkBuilder()
            let (name, value) = (Array("__name__".utf8), Array("m".utf8))
            for lacks in [false, true] {
                builder.appendLabel(name: name.span, value: value.span)
                for label in lacks ? labels : [0, 1, 2] { builder.appendTargetLabel(label) }
                builder.endSeries()
            }
            return builder.finish()
        }
        // In order of their names: cluster, instance, job.
        #expect(keys.keys(of: frame(target("a"), chunk([1, 2]))).job == nil)
        #expect(keys.keys(of: frame(target("a"), chunk([0, 1]))).job == nil)
        let first = keys.keys(of: frame(target("a"), chunk([0, 2])))
        let second = keys.keys(of: frame(target("b"), chunk([0, 2])))
        #expect(first.job != nil && first.job == second.job && first.target != second.target)
        let gone = Frame(
            target: target("a"), layout: Layout([chunk([0, 1, 2])]), timestampMs: 1, values: [1, 2],
            departed: [.init(chunk: chunk([2]), series: [1])])
        #expect(keys.keys(of: gone).job == first.job, "departed series, too")
    }

    /// All scraped series lack `task`, and `up` has it: only targets with the same `instance` may have the
    /// same series, as long as no frame of the job lacks labels in another way.
    @Test func whereALabelIsDroppedEverywhereTheJobsKeyHasTheOthers() {
        func target(_ instance: String, _ task: String) -> Target {
            Target(
                job: "x",
                own: LabelSet([Label("instance", instance), Label("job", "x"), Label("task", task)]))
        }
        func chunk(_ name: String, _ labels: [Int], other: Label? = nil) -> LayoutChunk {
            var builder = LayoutChunkBuilder()
            for series in ["a", "b"] {
                let (key, value) = (Array("__name__".utf8), Array("\(name)_\(series)".utf8))
                builder.appendLabel(name: key.span, value: value.span)
                for label in labels { builder.appendTargetLabel(label) }
                if let other {
                    let (key, value) = (Array(other.name.utf8), Array(other.value.utf8))
                    builder.appendLabel(name: key.span, value: value.span)
                }
                builder.endSeries()
            }
            return builder.finish()
        }
        func frame(_ target: Target, _ scraped: LayoutChunk) -> Frame {
            let layout = Layout([scraped, chunk("up", [0, 1, 2])])
            return Frame(target: target, layout: layout, timestampMs: 1, values: [1, 2, 3, 4])
        }
        var keys = ConflictKeys()
        let dropped = chunk("m", [0, 1])
        let first = keys.keys(of: frame(target("a", "1"), dropped))
        let again = keys.keys(of: frame(target("a", "2"), dropped))
        let other = keys.keys(of: frame(target("b", "3"), dropped))
        #expect(first.job != nil && first.job == again.job && first.target != again.target)
        #expect(other.job != nil && other.job != first.job)
        let gone = Frame(
            target: target("a", "4"), layout: Layout([chunk("up", [0, 1, 2])]), timestampMs: 1,
            values: [1, 2], departed: [.init(chunk: dropped, series: [1])])
        #expect(keys.keys(of: gone).job == first.job, "departed series, too")

        // The exposition's own `task` stands in the place of the target's.
        let honoured = chunk("h", [0, 1], other: Label("task", "pushed"))
        let wide = keys.keys(of: frame(target("a", "1"), honoured))
        #expect(wide.job != nil && wide.job != first.job)
        #expect(keys.keys(of: frame(target("b", "3"), honoured)).job == wide.job)
        #expect(keys.keys(of: frame(target("a", "2"), dropped)).job == wide.job, "from now on")
        // Another label of the exposition changes nothing.
        var fresh = ConflictKeys()
        let labelled = chunk("l", [0, 1], other: Label("zone", "z"))
        #expect(fresh.keys(of: frame(target("a", "1"), labelled)).job == first.job)
    }

    /// Frames that were read while the job's key was narrow may hold the series of one with the wide key.
    @Test func theFirstFrameThatWaitsWithTheWideKeyHasTheNarrowKeysInUse() {
        func frame(_ instance: String, _ job: String, _ lacking: [[Int]]) -> Frame {
            let target = TestFrames.target(
                job: job, [Label("instance", instance), Label("job", job), Label("task", "1")])
            let chunks = lacking.map { labels in
                var builder = LayoutChunkBuilder()
                let (name, value) = (Array("__name__".utf8), Array("m\(labels.count)".utf8))
                builder.appendLabel(name: name.span, value: value.span)
                for label in labels { builder.appendTargetLabel(label) }
                builder.endSeries()
                return builder.finish()
            }
            let layout = Layout(chunks)
            return Frame(
                target: target, layout: layout, timestampMs: 1,
                values: Array(repeating: 1, count: layout.seriesCount))
        }
        var keys = ConflictKeys()
        let narrow = ["a", "b", "c"].map { keys.keys(of: frame($0, "x", [[0, 1]])) }
        let other = keys.keys(of: frame("a", "y", [[0, 1]]))
        #expect((narrow + [other]).allSatisfy { $0.former.isEmpty })
        #expect(Set((narrow + [other]).map(\.job)).count == 4)
        let whole = keys.keys(of: frame("a", "x", [[0, 1, 2]]))
        #expect(whole.job == nil && whole.former.isEmpty)

        // All of it is answered for, or belongs to a request to be made again: the next one has them, too.
        let wide = keys.keys(of: frame("a", "x", [[0, 1], [1]])) { $0 != narrow[1].job }
        #expect(Set(wide.former) == Set([narrow[0].job, narrow[2].job].compactMap { $0 }))
        #expect(Array(wide) == [wide.target, wide.job].compactMap { $0 } + wide.former)
        let next = keys.keys(of: frame("b", "x", [[0, 1]])) { $0 == narrow[2].job }
        #expect(next.job == wide.job && next.former == [narrow[2].job].compactMap { $0 })
        keys.waits(next)
        let behind = keys.keys(of: frame("c", "x", [[0, 1]]))
        #expect(behind.job == wide.job && behind.former.isEmpty, "it waits behind the one before")
        let still = keys.keys(of: frame("b", "y", [[0, 1]]))
        #expect(still.job != nil && still.former.isEmpty, "the other job's key stays narrow")
        let turned = keys.keys(of: frame("a", "y", [[1], [0, 1, 2], [0, 1]]))
        #expect(Set(turned.former) == Set([other.job, still.job].compactMap { $0 }))
    }

    @Test func whatIsKnownOfChunksThatAreGoneGoes() {
        var keys = ConflictKeys()
        let target = TestFrames.target()
        func chunk(_ name: String) -> LayoutChunk { TestFrames.chunk([[Label("__name__", name)]], target) }
        let kept = chunk("kept")
        let key = keys.keys(of: frame(target, kept))
        for number in 0..<100 { _ = keys.keys(of: frame(target, chunk("m\(number)"))) }
        keys.letGoOfThePast()
        #expect(keys.chunkCount == 1)
        #expect(keys.keys(of: frame(target, kept)) == key && keys.chunkCount == 1)
        // Without being told, too, though later.
        var many = (0..<3_000).map { chunk("n\($0)") }
        for one in many { _ = keys.keys(of: frame(target, one)) }
        many = (0..<2_000).map { chunk("o\($0)") }
        for one in many { _ = keys.keys(of: frame(target, one)) }
        #expect(keys.chunkCount < 2_600)
    }

    @Test func aLayoutThatStatesASeriesTwiceIsKnown() {
        var keys = ConflictKeys()
        let target = TestFrames.target()
        let once = TestFrames.chunk([[Label("__name__", "a")], [Label("__name__", "b")]], target)
        let again = TestFrames.chunk([[Label("__name__", "c")], [Label("__name__", "a")]], target)
        func repeats(_ chunks: [LayoutChunk], statesEachOnce: Bool = false) -> Bool {
            let layout = Layout(chunks)
            return keys.repeatsSeries(
                Frame(
                    target: target, layout: layout, timestampMs: 1,
                    values: Array(repeating: 1, count: layout.seriesCount), statesEachOnce: statesEachOnce))
        }
        // Whoever made the frame has looked.
        #expect(!repeats([again, again], statesEachOnce: true))
        #expect(!repeats([once]) && !repeats([again]))
        #expect(repeats([once, again]) && repeats([again, again]))
        let many = (0..<5).map { part in
            TestFrames.chunk((0..<700).map { [Label("__name__", "m\(part)_\($0)")] }, target)
        }
        #expect(!repeats(many))
        #expect(repeats(many + [TestFrames.chunk([[Label("__name__", "m3_699")]], target)]))
    }
}
