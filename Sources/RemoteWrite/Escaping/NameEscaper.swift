internal import MetricModel
internal import Relabel

/// Turns metric and label names beyond the legacy characters into names of these, as Prometheus' escaping
/// scheme `underscores` does (prometheus/common, model.EscapeName): each other character becomes `_`.
enum NameEscaper {
    /// What became of one series' labels.
    enum Outcome: Equatable {
        case unchanged, escaped
        /// Two of its labels would have one name.
        case collided
    }

    private static let metricName = Array("__name__".utf8)

    /// The name as a receiver takes it that knows the legacy characters only; nil where it is one already. A
    /// colon is for metric names.
    static func escaped(_ name: some Collection<UInt8>, isMetric: Bool) -> [UInt8]? {
        var result: [UInt8] = []
        var isChanged = false
        for byte in name {
            // The rest of a character whose first byte has become an underscore.
            if byte & 0xC0 == 0x80 { continue }
            let isKept =
                isLetter(byte) || (isMetric && byte == UInt8(ascii: ":"))
                || (!result.isEmpty && (0x30...0x39).contains(byte))
            isChanged = isChanged || !isKept
            result.append(isKept ? byte : UInt8(ascii: "_"))
        }
        return isChanged ? result : nil
    }

    /// Whether a receiver that knows the legacy characters only takes the name as it is.
    static func isLegacy(_ name: some Collection<UInt8>, isMetric: Bool) -> Bool {
        var isFirst = true
        for byte in name {
            let isDigit = (0x30...0x39).contains(byte) && !isFirst
            guard isDigit || isLetter(byte) || (isMetric && byte == UInt8(ascii: ":")) else { return false }
            isFirst = false
        }
        return true
    }

    /// Whether all names of a chunk's own labels and metrics are such. Bytes that are not labels have none.
    static func isLegacy(_ chunk: LayoutChunk) -> Bool {
        let bytes = chunk.plain.bytes
        var offset = 0
        while offset < bytes.count, let label = EncodedLabels.next(bytes.span, at: &offset) {
            let name = bytes[label.name]
            guard isLegacy(name, isMetric: false) else { return false }
            if name.elementsEqual(metricName), !isLegacy(bytes[label.value], isMetric: true) { return false }
        }
        return true
    }

    /// Escapes the names of a series; the order of its labels is not that of their names then.
    static func escape(_ scratch: inout LabelScratch) -> Outcome {
        var changes: [Int: (name: [UInt8]?, value: [UInt8]?)] = [:]
        for (index, label) in scratch.labels.enumerated() {
            let isName = scratch.text[label.name].elementsEqual(metricName)
            let name = escaped(scratch.text[label.name], isMetric: false)
            let value = isName ? escaped(scratch.text[label.value], isMetric: true) : nil
            if name != nil || value != nil { changes[index] = (name, value) }
        }
        guard !changes.isEmpty else { return .unchanged }
        let before = scratch
        scratch.removeAll()
        var names: Set<[UInt8]> = []
        for (index, label) in before.labels.enumerated() {
            let change = changes[index]
            let name = change?.name ?? Array(before.text[label.name])
            let value = change?.value ?? Array(before.text[label.value])
            guard names.insert(name).inserted else {
                scratch = before
                return .collided
            }
            // A label of the target under another name is the series' own.
            scratch.add(name: name.span, value: value.span, origin: change == nil ? label.origin : nil)
        }
        return .escaped
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F
    }
}
