import MetricModel

/// What a page that was read by its order means for the target's series: their chunks, values, and which have
/// come and gone.
struct PageChange {
    /// For the next scrape.
    private(set) var order: PageOrder
    private(set) var chunks: [TemplateChunk]
    /// A value for each series of `chunks`; a stale marker for those that end with this scrape.
    private(set) var values: [Double]
    /// Ascending by series.
    private(set) var timestamps: [Frame.ExplicitTimestamp] = []
    /// Ascending by series.
    private(set) var exemplars: [ScrapedExemplar] = []
    /// Ordinals of series of `chunks` that end with this scrape, ascending: `values` has a stale marker for
    /// each of them.
    private(set) var ending: [UInt32] = []
    /// Ordinals of series of `chunks` that have neither a sample nor a marker in this scrape, ascending.
    private(set) var absent: [UInt32] = []
    /// Series that end with this scrape and stand in none of `chunks`: the frame states their markers.
    private(set) var departed: [Frame.Departed] = []
    /// Series that the page before did not have.
    private(set) var addedCount = 0
    private(set) var isUnchanged: Bool
    private(set) var work: PageWalk.Work

    /// Lines of the page whose series is in `chunks`: all but those that rules drop.
    private(set) var keptCount = 0
    private var seriesCount = 0

    /// Hands the values over, so that the caller changes them without a copy.
    mutating func takeValues() -> [Double] {
        defer { values = [] }
        return values
    }

    /// For each series of the scrape before, its ordinal now; nil where no series has moved or left.
    private var moved: [UInt32]?
    private static let gone = UInt32.max
    /// Bytes of comments that were copied from chunks.
    private var copiedCommentBytes = 0

    /// A chunk with fewer series is small: beyond some of them they are made one.
    private static let fewSeries = TemplateBuilder.minLines
    private static let fewBytes = 64 << 10
    private static let mostSmall = 8
    /// Comments count as lines of so many bytes, so that those that change with every page are not kept.
    private static let commentBytesPerWork = 64

    /// What the scrape before left.
    struct Before {
        let chunks: [TemplateChunk]
        let order: PageOrder
        /// Ordinals that get no stale marker, ascending.
        let silent: [UInt32]
        /// Whether the series still await their markers.
        let isLive: Bool
    }

    /// Nil where a series stands twice. `report` are the agent's own series; room is kept for as many values.
    init?(
        _ walk: some WalkedPage, _ before: Before, report: [UInt64], schema: TargetSchema,
        layouts: LayoutInterner
    ) {
        order = before.order
        chunks = before.chunks
        isUnchanged = walk.isUnchanged
        work = walk.work
        values = []
        guard !walk.isUnchanged else {
            absent = order.holes
            let seriesCount = before.chunks.reduce(0) { $0 + $1.seriesCount }
            scatter(walk, order.ordinals, seriesCount: seriesCount, report)
            return
        }
        var uses = SeriesUses(before, walk)
        guard let found = uses.findKnown(walk.new, report: report, schema) else { return nil }
        var new = walk.new
        var newNumbers: [UInt32]?
        if !found.isEmpty {
            new = Self.without(found, walk, layouts, &newNumbers)
        }
        addedCount = walk.new.reduce(0) { $0 + $1.seriesCount } - found.count { !$0.wasHole }
        var debts: [Int] = []
        rebuild(before, uses, layouts, &debts)
        let firstNew = chunks.reduce(0) { $0 + $1.seriesCount }
        chunks += new
        debts += Array(repeating: 0, count: new.count)
        let ordinals = final(walk, found, newNumbers, UInt32(firstNew))
        findEnds(before, uses)
        let seriesCount = firstNew + new.reduce(0) { $0 + $1.seriesCount }
        scatter(walk, ordinals, seriesCount: seriesCount, report)
        let commentWork = (walk.commentBytes + copiedCommentBytes) / Self.commentBytesPerWork
        let worked = work.encodedLines + work.copiedSeries + commentWork
        order = PageOrder(
            hashes: walk.hashes, lengths: walk.lengths, types: walk.types, ordinals: ordinals,
            holes: Self.merged(ending, absent), debts: debts,
            comments: walk.comments.of(chunks), isOpenMetrics: order.isOpenMetrics,
            isProtobuf: order.isProtobuf,
            looksUp: order.looksUp || (walk.lookedUp && found.count > PageOrder.leastLines),
            work: order.work + worked)
    }

    // MARK: chunks

    /// Chunks of the new lines' series, except for those series that stand in an older chunk already.
    private static func without(
        _ found: [SeriesUses.Known], _ walk: some WalkedPage, _ layouts: LayoutInterner,
        _ numbers: inout [UInt32]?
    ) -> [TemplateChunk] {
        var gatherer = SeriesGatherer(isOpenMetrics: walk.isOpenMetrics, layouts: layouts)
        var known: [UInt32] = []
        var next = 0
        var start = 0
        for chunk in walk.new {
            gatherer.note(of: chunk)
            var first = 0
            while next < found.count, Int(found[next].number) < start + chunk.seriesCount {
                let place = Int(found[next].number) - start
                append(first..<place, of: chunk, &gatherer, &known)
                known.append(found[next].ordinal)
                first = place + 1
                next += 1
            }
            append(first..<chunk.seriesCount, of: chunk, &gatherer, &known)
            start += chunk.seriesCount
        }
        numbers = known
        return gatherer.take()
    }

    private static func append(
        _ range: Range<Int>, of chunk: TemplateChunk, _ gatherer: inout SeriesGatherer,
        _ numbers: inout [UInt32]
    ) {
        for offset in 0..<range.count {
            numbers.append(PageWalk.newSeries | UInt32(gatherer.seriesCount + offset))
        }
        gatherer.append(range, of: chunk)
    }

    /// Decides which of the chunks before are kept, which go and which are made anew of what is left.
    private mutating func rebuild(
        _ before: Before, _ uses: SeriesUses, _ layouts: LayoutInterner, _ debts: inout [Int]
    ) {
        let plans = Self.plans(before, uses)
        guard plans.contains(where: { $0 != .keep }) else {
            debts = zip(before.order.debts, uses.holes).map { $0 + $1 }
            return
        }
        var map: [UInt32] = []
        map.reserveCapacity(uses.marks.count)
        var result: [TemplateChunk] = []
        var gatherer = SeriesGatherer(isOpenMetrics: order.isOpenMetrics, layouts: layouts)
        var next: UInt32 = 0
        // Small chunks become one in the place of the last of them.
        let lastSmall = plans.lastIndex(of: .join)
        var small = SeriesGatherer(isOpenMetrics: order.isOpenMetrics, layouts: layouts)
        var joined: [Range<Int>] = []
        // Chunks that have no place any more and whose comments keep theirs: of several comments on a family
        // the last in the order of the chunks holds.
        var waiting: [TemplateChunk] = []
        for (index, chunk) in before.chunks.enumerated() {
            let start = map.count
            let losesPlace = chunk.seriesCount == 0 || plans[index] == .drop || plans[index] == .join
            if losesPlace, !chunk.metadata.isEmpty { waiting.append(chunk) }
            if chunk.seriesCount == 0 { continue }
            if plans[index] == .keep || plans[index] == .shrink || index == lastSmall {
                keepComments(of: &waiting, layouts, &result, &debts)
            }
            switch plans[index] {
            case .keep:
                for series in 0..<chunk.seriesCount { map.append(next + UInt32(series)) }
                next += UInt32(chunk.seriesCount)
                result.append(chunk)
                debts.append(before.order.debts[index] + uses.holes[index])
            case .drop:
                map += Array(repeating: Self.gone, count: chunk.seriesCount)
            case .shrink:
                gatherer.note(of: chunk)
                next = copy(chunk, uses, start, to: &gatherer, &map, from: next)
            case .join:
                joined.append(start..<start + chunk.seriesCount)
                _ = copy(chunk, uses, start, to: &small, &map, from: 0)
            }
            let own = gatherer.take()
            result += own
            debts += Array(repeating: 0, count: own.count)
            if index == lastSmall {
                for range in joined {
                    for series in range where map[series] != Self.gone { map[series] += next }
                }
                next += UInt32(small.seriesCount)
                let all = small.take()
                result += all
                debts += Array(repeating: 0, count: all.count)
            }
        }
        keepComments(of: &waiting, layouts, &result, &debts)
        chunks = result
        moved = map
    }

    /// Adds a chunk of the comments of `waiting`, which is empty afterwards.
    private mutating func keepComments(
        of waiting: inout [TemplateChunk], _ layouts: LayoutInterner, _ result: inout [TemplateChunk],
        _ debts: inout [Int]
    ) {
        guard let first = waiting.first else { return }
        var holder = first
        if waiting.count > 1 || first.seriesCount > 0 {
            let comments = waiting.flatMap(\.metadata)
            copiedCommentBytes += comments.count
            holder = TemplateChunk(
                comments: PackedMetadata.lastWords(comments), layouts, isOpenMetrics: order.isOpenMetrics)
        }
        result.append(holder)
        debts.append(0)
        waiting = []
    }

    /// Copies what is left of a chunk; the ordinal behind it.
    private mutating func copy(
        _ chunk: TemplateChunk, _ uses: SeriesUses, _ start: Int, to gatherer: inout SeriesGatherer,
        _ map: inout [UInt32], from first: UInt32
    ) -> UInt32 {
        var next = first == 0 ? UInt32(gatherer.seriesCount) : first
        var series = 0
        while series < chunk.seriesCount {
            let from = series
            let isUsed = uses.isUsed(start + series)
            while series < chunk.seriesCount, uses.isUsed(start + series) == isUsed {
                map.append(isUsed ? next + UInt32(series - from) : Self.gone)
                series += 1
            }
            guard isUsed else { continue }
            gatherer.append(from..<series, of: chunk)
            next += UInt32(series - from)
            work.copiedSeries += series - from
        }
        return next
    }

    private enum Plan {
        case keep, drop, shrink, join
    }

    /// A chunk is made anew once a quarter of it are holes, or once the holes that changed pages found in it
    /// add up to its series: copying it then costs as much as they did.
    private static func plans(_ before: Before, _ uses: SeriesUses) -> [Plan] {
        var plans: [Plan] = []
        plans.reserveCapacity(before.chunks.count)
        for (index, chunk) in before.chunks.enumerated() {
            let holes = uses.holes[index]
            let isHoley =
                4 * holes >= chunk.seriesCount || before.order.debts[index] + holes >= chunk.seriesCount
            if chunk.seriesCount == 0 {
                // Comments that stand together become one chunk.
                plans.append(index > 0 && before.chunks[index - 1].seriesCount == 0 ? .drop : .keep)
            } else if holes == chunk.seriesCount {
                plans.append(.drop)
            } else {
                plans.append(isHoley ? .shrink : .keep)
            }
        }
        let small = before.chunks.indices.filter { index in
            let chunk = before.chunks[index]
            return chunk.seriesCount > 0 && plans[index] != .drop
                && chunk.seriesCount - uses.holes[index] < fewSeries && chunk.layout.heldBytes < fewBytes
        }
        if small.count > mostSmall { for index in small { plans[index] = .join } }
        return plans
    }

    // MARK: series

    /// The ordinal of each line's series.
    private func final(
        _ walk: some WalkedPage, _ found: [SeriesUses.Known], _ newNumbers: [UInt32]?, _ firstNew: UInt32
    ) -> [UInt32] {
        var result = walk.ordinals
        for index in result.indices {
            var ordinal = result[index]
            if ordinal == PageOrder.noSeries { continue }
            if ordinal >= PageWalk.newSeries, let newNumbers {
                ordinal = newNumbers[Int(ordinal & ~PageWalk.newSeries)]
            }
            if ordinal >= PageWalk.newSeries {
                ordinal = firstNew + (ordinal & ~PageWalk.newSeries)
            } else if let moved {
                ordinal = moved[Int(ordinal)]
            }
            result[index] = ordinal
        }
        return result
    }

    /// Finds the series without a line, and which of them get a marker.
    private mutating func findEnds(_ before: Before, _ uses: SeriesUses) {
        var silent = before.silent[...]
        var start = 0
        for (index, chunk) in before.chunks.enumerated() {
            defer { start += chunk.seriesCount }
            if uses.holes[index] == 0 { continue }
            var left: [UInt32] = []
            for series in 0..<chunk.seriesCount where !uses.isUsed(start + series) {
                let ordinal = UInt32(start + series)
                while let first = silent.first, first < ordinal { silent.removeFirst() }
                let awaitsMarker = before.isLive && silent.first != ordinal
                let now = moved.map { $0[Int(ordinal)] } ?? ordinal
                if now == Self.gone {
                    if awaitsMarker { left.append(UInt32(series)) }
                } else if awaitsMarker {
                    ending.append(now)
                } else {
                    absent.append(now)
                }
            }
            if !left.isEmpty { departed.append(Frame.Departed(chunk: chunk.layout, series: left)) }
        }
    }

    /// Puts the lines' values where their series stand, and what else lines carry.
    private mutating func scatter(
        _ walk: some WalkedPage, _ ordinals: [UInt32], seriesCount: Int, _ report: [UInt64]
    ) {
        var column: [Double] = []
        column.reserveCapacity(seriesCount + report.count)
        column.append(contentsOf: repeatElement(0, count: seriesCount))
        for line in ordinals.indices {
            let ordinal = ordinals[line]
            if ordinal != PageOrder.noSeries { column[Int(ordinal)] = walk.values[line] }
        }
        for ordinal in ending { column[Int(ordinal)] = StaleMarker.value }
        values = column
        self.seriesCount = seriesCount
        keptCount = seriesCount - ending.count - absent.count
        for entry in walk.timestamps where ordinals[Int(entry.series)] != PageOrder.noSeries {
            timestamps.append(
                .init(series: ordinals[Int(entry.series)], timestampMs: entry.timestampMs))
        }
        timestamps.sort { $0.series < $1.series }
        for entry in walk.exemplars where ordinals[Int(entry.series)] != PageOrder.noSeries {
            exemplars.append(.init(series: ordinals[Int(entry.series)], exemplar: entry.exemplar))
        }
        exemplars.sort { $0.series < $1.series }
    }

    /// What stands for each series before, carried to where it stands now; `nothing` for new series and those
    /// without a line.
    func carried(_ before: [Int64], nothing: Int64) -> [Int64] {
        var result = Array(repeating: nothing, count: seriesCount)
        for (old, value) in before.enumerated() {
            let now = moved.map { $0[old] } ?? UInt32(old)
            if now != Self.gone { result[Int(now)] = value }
        }
        for ordinal in ending { result[Int(ordinal)] = nothing }
        for ordinal in absent { result[Int(ordinal)] = nothing }
        return result
    }

    /// One list, ascending, of two.
    static func merged(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
        if left.isEmpty { return right }
        if right.isEmpty { return left }
        var result: [UInt32] = []
        result.reserveCapacity(left.count + right.count)
        var (first, second) = (0, 0)
        while first < left.count || second < right.count {
            if second == right.count || first < left.count && left[first] < right[second] {
                result.append(left[first])
                first += 1
            } else {
                result.append(right[second])
                second += 1
            }
        }
        return result
    }
}
