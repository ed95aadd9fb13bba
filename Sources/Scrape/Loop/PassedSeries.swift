import MetricModel
import Platform

/// Series that a job's loops gave while loops of targets that are gone wait to end theirs, and that they give
/// no more. A loop that waits looks at what the others give when it ends. A series that came and went
/// meanwhile has its stale marker already; a second one would lie before it, and a receiver would refuse it
/// as out of order, with all of its request.
///
/// Empty while no target is gone. Otherwise it holds what was given since the first of those that wait has
/// been gone: a few scrapes, as a loop waits no longer than an interval and a timeout behind its last tick.
struct PassedSeries {
    /// Chunks that a target gave until then, as a state of which they are all.
    struct Entry: Sendable {
        let engine: ScrapeEngine
        let scrape: ScrapeState
        let atNs: UInt64
    }

    /// By labels, the targets that are gone and have not ended, and since when.
    private var goneSinceNs: [LabelSet: [ScrapeTarget: UInt64]] = [:]
    private var entries: [LabelSet: [Entry]] = [:]

    var isEmpty: Bool { entries.isEmpty }
    /// Whether any loop waits to end its series.
    var isAwaited: Bool { !goneSinceNs.isEmpty }

    /// `targets` are all the targets that are gone now. Series that none of them can have had are forgotten.
    mutating func setGone(_ targets: some Sequence<ScrapeTarget>, nowNs: UInt64) {
        var gone: [LabelSet: [ScrapeTarget: UInt64]] = [:]
        for target in targets {
            gone[target.labels, default: [:]][target] = goneSinceNs[target.labels]?[target] ?? nowNs
        }
        goneSinceNs = gone
        let oldestNs = gone.values.lazy.flatMap(\.values).min() ?? UInt64.max
        if !entries.isEmpty {
            entries = entries.mapValues { $0.filter { $0.atNs >= oldestNs } }.filter { !$0.value.isEmpty }
        }
    }

    /// The target's series have ended.
    mutating func ended(_ target: ScrapeTarget) {
        goneSinceNs[target.labels]?[target] = nil
        if goneSinceNs[target.labels]?.isEmpty ?? false { goneSinceNs[target.labels] = nil }
        if goneSinceNs.isEmpty { entries = [:] }
    }

    /// Gives back the room of tables that had many more targets in them.
    mutating func giveBackRoom() {
        goneSinceNs.giveBackRoom()
        entries.giveBackRoom()
    }

    /// `chunks` were in the target's frames up to the one of `timestampMs`, and will be in none behind it.
    /// Their series at the ordinals `holes`, ascending, were in none.
    mutating func add(
        _ chunks: [TemplateChunk], holes: [UInt32] = [], of target: ScrapeTarget, _ engine: ScrapeEngine,
        at timestampMs: Int64, nowNs: UInt64
    ) {
        guard isAwaited else { return }
        // Of others only what lacks labels of its target can be theirs.
        let hasEqual = goneSinceNs[target.labels] != nil
        let kept = Self.given(chunks, holes: holes) { hasEqual || !$0.exclusions.isEmpty }
        guard !kept.chunks.isEmpty else { return }
        var scrape = engine.makeState()
        scrape.chunks = kept.chunks
        if !kept.holes.isEmpty { scrape.order = PageOrder(holes: kept.holes) }
        scrape.lastSeriesMs = timestampMs
        entries[target.labels, default: []].append(Entry(engine: engine, scrape: scrape, atNs: nowNs))
    }

    /// Notes what a target gave up to the frame of `timestampMs`, and gives no more from then on. `after` is
    /// its state now, nil when it has ended; its series at the ordinals `ended` end with that frame.
    mutating func add(
        before: ScrapeState, after: ScrapeState?, ended: [UInt32], of target: ScrapeTarget,
        _ engine: ScrapeEngine, at timestampMs: Int64, nowNs: UInt64
    ) {
        let chunks = after?.chunks ?? []
        let now = Set(chunks.map { ObjectIdentifier($0) })
        let gone = Self.given(before.chunks, holes: before.holes) { !now.contains(ObjectIdentifier($0)) }
        add(gone.chunks, holes: gone.holes, of: target, engine, at: timestampMs, nowNs: nowNs)
        guard !ended.isEmpty else { return }
        let ending = Set(ended)
        let others = (0..<UInt32(chunks.reduce(0) { $0 + $1.seriesCount })).filter { !ending.contains($0) }
        add(chunks, holes: others, of: target, engine, at: timestampMs, nowNs: nowNs)
    }

    /// Those of `chunks` that `isWanted` takes and that have series outside of `holes`; the holes in them,
    /// numbered anew.
    private static func given(
        _ chunks: [TemplateChunk], holes: [UInt32], where isWanted: (TemplateChunk) -> Bool
    ) -> (chunks: [TemplateChunk], holes: [UInt32]) {
        var result: (chunks: [TemplateChunk], holes: [UInt32]) = ([], [])
        var rest = holes[...]
        var start: UInt32 = 0
        var resultStart: UInt32 = 0
        for chunk in chunks {
            let end = start + UInt32(chunk.seriesCount)
            let own = rest.prefix { $0 < end }
            rest = rest.dropFirst(own.count)
            if own.count < chunk.seriesCount, isWanted(chunk) {
                result.chunks.append(chunk)
                result.holes += own.map { $0 - start + resultStart }
                resultStart += UInt32(chunk.seriesCount)
            }
            start = end
        }
        return result
    }

    /// Of targets with the labels of this one, or of all.
    func entries(of target: ScrapeTarget, andOthers: Bool) -> [Entry] {
        andOthers ? Array(entries.values.joined()) : entries[target.labels] ?? []
    }
}
