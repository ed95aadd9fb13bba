import Compression
import JSON
import MetricModel
import Platform
import RemoteWrite
import Scrape
import StandIns

#if canImport(Glibc)
import Glibc
#endif

/// What the parts of the work take at least, on this machine, at this moment, on the bytes of the race.
struct RaceYardsticks {
    /// Nanoseconds a sample, the least of some rounds: a page copied, its gzip inflated by libdeflate, and
    /// its WriteRequest compressed by libsnappy.
    var memcpyNs = Double.infinity
    var inflateNs = Double.infinity
    var snappyNs = Double.infinity
    /// CPU of a bare libcurl loop over the same targets.
    var bareLoopMicroseconds = 0.0

    /// Rounds of which the least counts: the others were interrupted.
    private static let rounds = 50

    /// Starts a fleet as the agents get it and measures on it. Throws when the race is interrupted.
    static func measure(_ plan: RacePlan, _ interruption: RaceInterruption) async throws -> RaceYardsticks {
        let folder = try TemporaryFolder(name: "narthex-race")
        defer { folder.remove() }
        let fleet = try await StandInFleet(plan.session(folder.path), leadsGroup: true)
        defer { fleet.stop() }
        guard let first = fleet.places.exporters.first else { throw BenchError("there is no exporter") }
        var yardsticks = RaceYardsticks()
        let page = try await PageProbe().page("http://\(first.address)\(first.path)")
        try interruption.check()
        try yardsticks.measure(Array(page.utf8), samples: Double(plan.series))
        let loop = BareLoop(
            urls: fleet.places.exporters.map { "http://\($0.address)\($0.path)" },
            failing: plan.failingTargets, intervalSeconds: Double(plan.intervalSeconds),
            seconds: Double(plan.seconds),
            takesGzip: plan.fleet.contains("--gzip"))
        let figures = try await loop.run(until: interruption)
        yardsticks.bareLoopMicroseconds =
            figures.cpuSeconds * 1e6 / Double(figures.pages) / Double(plan.series)
        return yardsticks
    }

    private mutating func measure(_ page: [UInt8], samples: Double) throws {
        guard let packed = Gzip.encode(page.span, level: 6) else {
            throw BenchError("a page cannot be packed")
        }
        let target = Target(
            job: "fleet", own: LabelSet([Label("instance", StandInFleet.instance(0)), Label("job", "fleet")]))
        let scrape = TargetScrape(target: target, interner: LayoutInterner())
        let frame = unsafe try scrape.consume(page.span.bytes, at: SystemClock().wallMs)
        let encoder = RequestEncoder()
        encoder.encode([frame])
        let request = encoder.bytes
        var copy = [UInt8](repeating: 0, count: page.count)
        var inflated: [UInt8] = []
        inflated.reserveCapacity(page.count)
        for _ in 0..<Self.rounds {
            memcpyNs = min(memcpyNs, Self.ns { Self.copy(page, to: &copy) } / samples)
            inflated.removeAll(keepingCapacity: true)
            let ns = try Self.ns {
                try Gzip.decode(packed.span, into: &inflated, limitBytes: page.count) { _ in true }
            }
            inflateNs = min(inflateNs, ns / samples)
            snappyNs = min(snappyNs, Self.ns { _ = LibSnappy.compress(request) } / samples)
        }
        guard copy == page, inflated == page else { throw BenchError("a copy differs from its page") }
    }

    private static func copy(_ page: [UInt8], to copy: inout [UInt8]) {
        // Safety: both have the page's length, and the pointers stay inside the closures.
        unsafe page.withUnsafeBytes { from in
            unsafe copy.withUnsafeMutableBytes { to in unsafe to.copyMemory(from: from) }
        }
    }

    private static func ns(_ work: () throws -> Void) rethrows -> Double {
        let clock = SystemClock()
        let startNs = clock.monotonicNs
        try work()
        return Double(clock.monotonicNs - startNs)
    }

    /// A line for each, and for each agent's CPU under `steady` how many bare loops it is.
    func text(_ results: [RaceResult]) -> String {
        var text = "yardsticks\n"
        for (title, value, unit) in [
            ("memcpy of a page", memcpyNs, "ns a sample"),
            ("libdeflate, inflating its gzip", inflateNs, "ns a sample"),
            ("libsnappy, compressing its WriteRequest", snappyNs, "ns a sample"),
            ("bare libcurl loop over the targets", bareLoopMicroseconds, "µs of CPU a sample"),
        ] {
            text += "  \(title): \(RaceColumn.text(value, decimals: 3)) \(unit)\n"
        }
        for result in results where result.scenario == RaceScenario.steady.rawValue {
            guard let cpu = result.figures[.cpuMicrosecondsPerSample], bareLoopMicroseconds > 0 else {
                continue
            }
            let ratio = RaceColumn.text(cpu / bareLoopMicroseconds, decimals: 2)
            text += "  CPU of \(result.agent), in bare loops: \(ratio)\n"
        }
        return text
    }

    var json: JSONValue {
        [
            "memcpyNs": .double(memcpyNs), "inflateNs": .double(inflateNs), "snappyNs": .double(snappyNs),
            "bareLoopMicroseconds": .double(bareLoopMicroseconds),
        ]
    }
}
