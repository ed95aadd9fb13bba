import HTTPTransport
import MetricModel
import Platform
import TestSupport
import Testing

@testable import Scrape

/// What becomes of the series of a target that another one takes the place of, in the same job.
@Suite(.timeLimit(.minutes(5))) struct SeriesGoingOnTests {
    private static let labels = LabelSet([Label("instance", "i"), Label("job", "j")])

    private static func target(_ port: Int, intervalMs: Int64? = nil) -> ScrapeTarget {
        ScrapeTarget(url: "http://h:\(port)/metrics", labels: labels, intervalMs: intervalMs)
    }

    /// The names of the series that get a stale marker in the frames from the first one of the target that
    /// exposes `new` on, and those that get one before.
    private func markers(_ frames: [Frame]) -> (after: [String], before: [String]) {
        let first = frames.firstIndex { frame in
            frame.samples().contains { $0.labels["__name__"] == "new" && $0.bits != StaleMarker.bits }
        }
        func names(_ frames: some Sequence<Frame>) -> [String] {
            frames.flatMap { $0.samples(report: true) }.filter { $0.bits == StaleMarker.bits }.compactMap {
                $0.labels["__name__"]
            }
        }
        guard let first else { return ([], names(frames)) }
        // A marker counts as later by its place as well as by its time.
        let isAfter = frames.indices.map { index in
            index > first || frames[index].timestampMs >= frames[first].timestampMs
        }
        return (
            names(zip(frames, isAfter).filter(\.1).map(\.0)),
            names(zip(frames, isAfter).filter { !$1 }.map(\.0))
        )
    }

    /// The phases of old and new target differ from port to port, and the replacement comes at several times.
    @Test(arguments: [2, 3, 4, 5, 6, 7], [100, 4_000, 9_000])
    func theSeriesGoOn(port: Int, afterMs: Int) async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target(1).url, "a 1\nb{x=\"1\"} 1\n")
        parts.http.answer(Self.target(port).url, "a 2\nb{x=\"1\"} 2\nnew 1\n")
        parts.pool.sync([Self.target(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 2 }
            await parts.pass(ms: Int64(afterMs))
            parts.pool.sync([Self.target(port)])
            await parts.advance {
                parts.appender.frames.last.map { $0.values.first == 2 } == true
            }
            await parts.pass(ms: 40_000)
        }
        let found = markers(parts.appender.frames)
        #expect(found.after == [])
        #expect(found.before == [])
        #expect(parts.appender.frames.count >= 6)
        let times = parts.appender.frames.map(\.timestampMs)
        #expect(times == times.sorted())
    }

    /// Where the tasks of a service are replaced, discovery says that the old one has stopped.
    @Test func theSeriesOfAStoppedTargetGoOn() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target(1).url, "a 1\n")
        parts.http.answer(Self.target(2).url, "a 2\nnew 1\n")
        parts.pool.sync([Self.target(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            for _ in 0..<5 {
                parts.pool.sync([Self.target(2)], stopped: [Self.target(1)])
                await parts.pass(ms: 5_000)
            }
        }
        let found = markers(parts.appender.frames)
        #expect(found.after == [] && found.before == [])
        #expect(Set(parts.appender.frames.map { $0.values.first }) == [1, 2])
        // Nothing is left of the old target.
        #expect(parts.clock.sleeperCount == 0)
    }

    @Test(arguments: [2, 3, 4, 5])
    func whatTheNewTargetLacksEndsBeforeItsFirstSample(port: Int) async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target(1).url, "a 1\ngone 1\nb 1\n")
        parts.http.answer(Self.target(port).url, "b 2\na 2\nnew 1\n")
        parts.pool.sync([Self.target(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            await parts.pass(ms: 3_000)
            parts.pool.sync([Self.target(port)])
            await parts.pass(ms: 40_000)
        }
        let frames = parts.appender.frames
        let ends = frames.filter { $0.samples(report: true).contains { $0.bits == StaleMarker.bits } }
        #expect(ends.map { $0.lines() } == [["gone{region=\"r\"} stale"]])
        #expect(ends.first?.samples(report: true).count == 1)
        let first = try #require(frames.first { $0.values.first == 2 })
        #expect(try #require(ends.first).timestampMs < first.timestampMs)
    }

    @Test func theSeriesEndWhereTheNewTargetGivesNone() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target(1).url, "a 1\n")
        parts.http.fail(Self.target(2).url, HTTPError(.connect, "nobody listens"))
        parts.pool.sync([Self.target(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.sync([Self.target(2)])
            await parts.pass(ms: 40_000)
        }
        let stale = parts.appender.frames.flatMap { $0.samples(report: true) }
            .filter { $0.bits == StaleMarker.bits }
        #expect(stale.map { $0.labels["__name__"] } == ["a"])
        // Its `up` is the new target's, and goes on with 0.
        #expect(parts.appender.frames.last?.samples(report: true).first?.bits == 0)
    }

    @Test func aTargetThatComesBackForItsSuccessorGoesOnAtOnce() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target(1).url, "a 1\n")
        parts.http.answer(Self.target(2).url, "a 2\nnew 1\n")
        parts.pool.sync([Self.target(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.sync([Self.target(2)])
            await parts.pass(ms: 1_000)
            parts.pool.sync([Self.target(1)])
            await parts.pass(ms: 60_000)
        }
        let frames = parts.appender.frames.filter { $0.values.first == 1 }
        #expect(frames.count >= 7)
        #expect(frames[1].timestampMs == frames[0].timestampMs + 10_000)
        let found = markers(parts.appender.frames)
        #expect(found.after == [] && found.before.filter { $0 != "new" } == [])
    }

    /// Two paths of one instance share the report's series only.
    @Test func ofTwoTargetsWithTheSameLabelsOneMayLeave() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target(1).url, "a 1\n")
        parts.http.answer(Self.target(2).url, "b 2\n")
        parts.pool.sync([Self.target(1), Self.target(2)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 4 }
            parts.pool.sync([Self.target(2)])
            await parts.pass(ms: 40_000)
        }
        let stale = parts.appender.frames.flatMap { $0.samples(report: true) }
            .filter { $0.bits == StaleMarker.bits }
        #expect(stale.map { $0.labels["__name__"] } == ["a"])
    }

    /// With honor_labels, as of a gateway, series do not carry the labels of the target that has them.
    @Test(arguments: [2, 3, 4, 5], [false, true])
    func seriesWithoutTheTargetsLabelsGoOn(port: Int, isStopped: Bool) async throws {
        func gateway(_ port: Int) -> ScrapeTarget {
            ScrapeTarget(
                url: "http://h:\(port)/", labels: LabelSet([Label("instance", "\(port)"), Label("job", "j")]))
        }
        let parts = PoolParts(honorLabels: true)
        let pushed = "a{instance=\"x\",job=\"y\"} 1\n"
        parts.http.answer(gateway(1).url, pushed + "own 1\n")
        parts.http.answer(gateway(port).url, pushed + "own 1\nnew 1\n")
        parts.pool.sync([gateway(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            await parts.pass(ms: 4_000)
            parts.pool.sync([gateway(port)], stopped: isStopped ? [gateway(1)] : [])
            await parts.pass(ms: 40_000)
        }
        let stale = parts.appender.frames.flatMap { $0.samples(report: true) }
            .filter { $0.bits == StaleMarker.bits }
        #expect(stale.count == 6)
        #expect(stale.allSatisfy { $0.labels["instance"] == "1" })
    }

    /// The new target may give a series once and then no more, all while the old one waits: the series has
    /// its marker from the new target, and one of the old would lie before it.
    @Test(arguments: [2, 3, 4, 5], [false, true])
    func aSeriesThatCameAndWentMeanwhileHasOneMarker(port: Int, honorLabels: Bool) async throws {
        func target(_ port: Int) -> ScrapeTarget {
            guard honorLabels else { return Self.target(port) }
            let labels = LabelSet([Label("instance", "\(port)"), Label("job", "j")])
            return ScrapeTarget(url: "http://h:\(port)/metrics", labels: labels)
        }
        let starting = "at_start{instance=\"x\",job=\"y\"}"
        let parts = PoolParts(honorLabels: honorLabels)
        parts.http.answer(target(1).url, "a 1\n\(starting) 1\n")
        parts.http.answer(target(port).url, "a 2\n\(starting) 2\nnew 1\n")
        parts.pool.sync([target(1)])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            await parts.pass(ms: 4_000)
            parts.pool.sync([target(port)])
            await parts.advance { parts.appender.frames.last?.values.first == 2 }
            parts.http.answer(target(port).url, "a 2\nnew 1\n")
            await parts.pass(ms: 40_000)
        }
        let times = parts.appender.frames.flatMap { frame in
            frame.samples(report: true).filter { $0.labels["__name__"] == "at_start" }.map {
                (isMarker: $0.bits == StaleMarker.bits, timestampMs: frame.timestampMs)
            }
        }
        #expect(times.map(\.isMarker) == [false, false, true])
        #expect(times.map(\.timestampMs) == times.map(\.timestampMs).sorted())
    }

    /// The times of all samples of `shared`, the series that both targets of the tests below may give.
    private func shared(_ frames: [Frame]) -> [(isMarker: Bool, timestampMs: Int64)] {
        frames.flatMap { frame in
            frame.samples(report: true).filter { $0.labels["__name__"] == "shared" }.map {
                (isMarker: $0.bits == StaleMarker.bits, timestampMs: frame.timestampMs)
            }
        }
    }

    private static func gateway(_ port: Int) -> ScrapeTarget {
        ScrapeTarget(
            url: "http://h:\(port)/", labels: LabelSet([Label("instance", "\(port)"), Label("job", "j")]))
    }

    /// A page that is read by the order of its lines once a few of its rounds were seen.
    private static func page(_ round: Int, shared: Bool) -> String {
        (0..<60).map { "x{id=\"\($0)\"} 1\n" }.joined() + "y{round=\"\(round)\"} 1\n"
            + (shared ? "shared{instance=\"s\",job=\"s\"} 1\n" : "")
    }

    /// Serves a page of its own for each of so many scrapes of a target.
    private func scrapes(
        _ target: ScrapeTarget, _ rounds: Range<Int>, shared: Bool, _ parts: PoolParts
    ) async {
        for round in rounds {
            parts.http.answer(target.url, Self.page(round, shared: shared))
            await parts.pass(ms: 10_000)
        }
    }

    /// A series that has left keeps its place in the chunk of a page that changes often: the target does not
    /// give it.
    @Test(arguments: [2, 3, 4, 5])
    func aSeriesThatLeftTheOtherTargetEnds(port: Int) async throws {
        let parts = PoolParts(honorLabels: true)
        let other = Self.gateway(port)
        parts.http.answer(Self.gateway(1).url, "a 1\n")
        parts.pool.sync([Self.gateway(1), other])
        await parts.running {
            await scrapes(other, 0..<6, shared: true, parts)
            await scrapes(other, 6..<8, shared: false, parts)
            parts.http.answer(Self.gateway(1).url, "a 1\nshared{instance=\"s\",job=\"s\"} 1\n")
            await scrapes(other, 8..<10, shared: false, parts)
            parts.pool.sync([other])
            await scrapes(other, 10..<14, shared: false, parts)
        }
        let times = shared(parts.appender.frames)
        // One when it leaves the other target, and one when the target that has it next is gone.
        #expect(times.count { $0.isMarker } == 2)
        #expect(times.last?.isMarker == true)
        #expect(times.map(\.timestampMs) == times.map(\.timestampMs).sorted())
    }

    /// The other target ends the series while the old one waits: one marker is enough.
    @Test(arguments: [2, 3, 4, 5])
    func aSeriesThatLeftAChangingPageMeanwhileHasOneMarker(port: Int) async throws {
        let parts = PoolParts(honorLabels: true)
        let other = Self.gateway(port)
        let labels = "{instance=\"s\",job=\"s\"}"
        parts.http.answer(Self.gateway(1).url, "a 1\nshared\(labels) 1\n")
        parts.pool.sync([Self.gateway(1), other])
        await parts.running {
            await scrapes(other, 0..<6, shared: true, parts)
            // Each frame of the other target counts from here on.
            let first = parts.appender.frames.count
            parts.pool.sync([other])
            parts.http.answer(other.url, Self.page(6, shared: false))
            await parts.advance {
                parts.appender.frames.dropFirst(first).contains { $0.values.count > 20 }
            }
            await parts.pass(ms: 40_000)
        }
        let times = shared(parts.appender.frames)
        #expect(times.last?.isMarker == true)
        #expect(times.map(\.timestampMs) == times.map(\.timestampMs).sorted())
        let lastSample = times.lastIndex { !$0.isMarker } ?? 0
        #expect(times.count - lastSample - 1 == 1)
    }
}
