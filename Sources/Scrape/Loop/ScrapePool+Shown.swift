public import MetricModel
import Synchronization

/// What the job's targets have and how they are.
extension ScrapePool {
    /// What the job's targets say about their metric families, each family once with the last word: that of
    /// the last target in the order of their URLs and labels. Lines that targets share are read once.
    public var families: [MetricMetadata] {
        let loops = loopsInOrder
        var seen: Set<ObjectIdentifier> = []
        var packed: [[UInt8]] = []
        // From the last target to the first, so that a chunk which several have counts where the last of them
        // has it.
        for loop in loops.reversed() {
            // The state holds the chunks, so that none of them takes the identity of another meanwhile.
            for chunk in loop.scrape.chunks.reversed() where seen.insert(ObjectIdentifier(chunk)).inserted {
                if !chunk.metadata.isEmpty { packed.append(chunk.metadata) }
            }
        }
        packed.reverse()
        return MetricFamilyMetadata.merged(packed).map {
            MetricMetadata(
                family: $0.family, kind: MetricMetadata.Kind(word: $0.type) ?? .unknown, help: $0.help,
                unit: $0.unit)
        }
    }

    /// The job's targets in the order of their URLs and labels.
    public func targetStates() -> [TargetState] {
        let (loops, held) = state.withLock { state in
            (state.loops.values.filter(\.isWanted), Array(state.held))
        }
        let waiting = held.map { target in
            var state = TargetState(url: target.url, labels: target.labels)
            state.waitsForMemory = true
            return state
        }
        return (loops.map(\.state) + waiting).sorted {
            Self.stands(($0.url, $0.labels), before: ($1.url, $1.labels))
        }
    }

    /// What the job's targets have now. Quick: no series and no text is looked at.
    public var size: ScrapePoolSize {
        let loops = state.withLock { state in state.loops.values.filter(\.isWanted) }
        return loops.reduce(into: ScrapePoolSize()) { $0.add($1.scrape) }
    }

    /// What the targets keep of their lines now; a look at each chunk of them.
    public var lineMemory: LineMemory {
        let (templates, loops) = state.withLock { ($0.templates, Array($0.loops.values)) }
        var memory = templates.size
        memory.targets = loops.count
        for loop in loops { memory.addOwn(loop.scrape) }
        return memory
    }

    /// A target and what it says about its metric families; empty before its first good scrape.
    public struct DescribedTarget: Sendable {
        public let labels: LabelSet
        /// Made when it is called, of what the last good scrape left.
        public let metadata: @Sendable () -> [MetricFamilyMetadata]
    }

    /// The job's targets in the order of their URLs and labels.
    public var targets: [DescribedTarget] {
        loopsInOrder.map { loop in DescribedTarget(labels: loop.target.labels) { loop.metadata } }
    }

    private var loopsInOrder: [ScrapeLoop] {
        state.withLock { state in state.loops.values.filter(\.isWanted) }.sorted {
            Self.stands(($0.target.url, $0.target.labels), before: ($1.target.url, $1.target.labels))
        }
    }

    /// By URLs, then by labels. These are written out only where two targets have the same URL: a text is
    /// much work for each comparison of a sort.
    private static func stands(
        _ one: (url: String, labels: LabelSet), before other: (url: String, labels: LabelSet)
    ) -> Bool {
        guard one.url == other.url else { return one.url < other.url }
        return one.labels.description < other.labels.description
    }
}
