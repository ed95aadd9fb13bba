import MetricModel
import Relabel

extension SeriesEncoder {
    /// What becomes of one line, step by step.
    struct Explanation {
        /// As metric_relabel_configs find it: with the target's labels, without the external ones.
        let exposed: LabelSet
        /// As it is stored; nil when a rule drops it.
        let stored: LabelSet?
        let droppedByRule: Int?
    }

    /// The same as `encode`, with each step kept to be shown.
    mutating func explain(
        _ parser: ExpositionParser, _ body: RawSpan
    ) throws(ScrapeError) -> Explanation {
        explainedLabels = LabelSet()
        let excluded = try ownLabels(parser, body)
        var scratch = LabelScratch()
        gather(excluded: excluded, into: &scratch)
        let exposed = scratch.labelSet()
        explainedLabels = exposed
        if let rule = try relabel(&scratch, at: parser.lineStart) {
            return Explanation(exposed: exposed, stored: nil, droppedByRule: rule < 0 ? nil : rule)
        }
        var chunk = LayoutChunkBuilder()
        // On its own line: emit must see the items that take has made.
        let missing = take(scratch)
        if schema.rules.checkSeries { try check(missing, at: parser.lineStart) }
        uncoverExternal(missing)
        _ = emit(excluded: missing, into: &chunk)
        let stored = chunk.finish().labels(ofSeries: 0, target: schema.target)
        return Explanation(exposed: exposed, stored: stored, droppedByRule: nil)
    }
}
