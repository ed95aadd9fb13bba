import MetricModel
import Relabel

/// metric_relabel_configs, applied when a line is seen for the first time.
extension SeriesEncoder {
    /// The series as rules find it: its own labels and the target's, without the external ones, which only
    /// come in afterwards.
    func gather(excluded: [UInt16], into scratch: inout LabelScratch) {
        scratch.removeAll()
        let bytes = text.span
        var next = 0
        func addTargetLabels(before name: Range<Int>?, _ scratch: inout LabelScratch) {
            while next < schema.names.count {
                if let name, compare(name, schema.names[next]) <= 0 { return }
                if !schema.isExternal[next], !excluded.contains(UInt16(next)) {
                    let name = schema.names[next]
                    let value = schema.values[next]
                    scratch.add(name: name.span, value: value.span, origin: next)
                }
                next += 1
            }
        }
        for item in items where !item.value.isEmpty {
            addTargetLabels(before: item.name, &scratch)
            if next < schema.names.count, compare(item.name, schema.names[next]) == 0 { next += 1 }
            scratch.add(name: bytes.extracting(item.name), value: bytes.extracting(item.value))
        }
        addTargetLabels(before: nil, &scratch)
    }

    /// Applies the rules; the index of the one that drops the series, or -1 when nothing is left of it.
    func relabel(_ scratch: inout LabelScratch, at lineStart: Int) throws(ScrapeError) -> Int? {
        switch schema.relabelRules.apply(to: &scratch) {
        case .dropped(let index): return index
        case .tooLong(let index):
            throw ScrapeError(
                "metric_relabel_configs[\(index)] makes the labels of this series longer than"
                    + " \(RelabelRules.maxTextBytes) bytes", offset: lineStart)
        case .kept: break
        }
        if scratch.labels.isEmpty { return -1 }
        guard scratch.value(of: Self.metricNameLabel) != nil else {
            throw ScrapeError(
                "metric_relabel_configs leave this series without a metric name (__name__)",
                offset: lineStart)
        }
        return nil
    }

    /// Makes the relabelled labels the items: the target's that no rule touched are the target's still. The
    /// target's labels that the series does not have are returned.
    mutating func take(_ scratch: borrowing LabelScratch) -> [UInt16] {
        text.removeAll(keepingCapacity: true)
        text.append(contentsOf: scratch.text)
        items.removeAll(keepingCapacity: true)
        var isMissing = Array(repeating: true, count: schema.names.count)
        for label in scratch.labels {
            if let index = label.origin {
                isMissing[index] = false
            } else {
                items.append(Item(name: label.name, value: label.value, in: text))
            }
        }
        var excluded: [UInt16] = []
        for (index, name) in schema.names.enumerated() where isMissing[index] {
            if !schema.isExternal[index] || items.contains(where: { compare($0.name, name) == 0 }) {
                excluded.append(UInt16(index))
            }
        }
        sortItems()
        return excluded
    }
}
