public import MetricModel

/// The labels of one series or target while rules work on them, as bytes in one buffer that is used again and
/// again.
///
/// Rules that go through all labels see them in the order of Prometheus' labels.Builder: first those that no
/// rule has set, in the order they were added, then those that one has, in the order in which that happened.
public struct LabelScratch {
    public struct Label: Sendable {
        /// Where name and value stand in `text`.
        public fileprivate(set) var name: Range<Int>
        public fileprivate(set) var value: Range<Int>
        /// What the caller said when it added the label; nil once a rule has set it.
        public fileprivate(set) var origin: Int?
    }

    public private(set) var text: [UInt8] = []
    public private(set) var labels: [Label] = []
    /// Labels in front that no rule has set.
    private var untouchedCount = 0

    // Room that rules use again.
    var source: [UInt8] = []
    var ranges: [Int32] = []

    public init() {}

    public mutating func removeAll() {
        text.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        untouchedCount = 0
    }

    /// Adds a label before rules are applied; in the order of names, no name twice, no empty value.
    public mutating func add(name: Span<UInt8>, value: Span<UInt8>, origin: Int? = nil) {
        precondition(untouchedCount == labels.count, "labels are added before rules are applied")
        labels.append(Label(name: append(name), value: append(value), origin: origin))
        untouchedCount += 1
    }

    /// Adds a label as a rule would set it: after all others. For labels that Prometheus adds that way.
    public mutating func set(name: [UInt8], value: [UInt8], origin: Int? = nil) {
        set(name, value)
        if let index = index(of: name) { labels[index].origin = origin }
    }

    /// Sorts by name: the order of a finished label set.
    public mutating func sort() {
        let text = text
        labels.sort { text[$0.name].lexicographicallyPrecedes(text[$1.name]) }
        untouchedCount = 0
    }

    /// Where the value of a label stands in `text`; nil when there is no label of that name.
    public func value(of name: [UInt8]) -> Range<Int>? { index(of: name).map { labels[$0].value } }

    /// The labels as a set.
    public func labelSet() -> LabelSet {
        LabelSet(
            labels.map {
                MetricModel.Label(
                    String(decoding: text[$0.name], as: UTF8.self),
                    String(decoding: text[$0.value], as: UTF8.self))
            })
    }

    // MARK: what rules do

    func index(of name: [UInt8]) -> Int? {
        for (index, label) in labels.enumerated() where label.name.count == name.count {
            if equal(label.name, name) { return index }
        }
        return nil
    }

    func equal(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        guard range.count == other.count else { return false }
        for offset in 0..<other.count where text[range.lowerBound + offset] != other[offset] { return false }
        return true
    }

    /// An empty value removes the label.
    mutating func set(_ name: [UInt8], _ value: [UInt8]) {
        guard !value.isEmpty else { return remove(name) }
        let start = text.count
        text.append(contentsOf: value)
        set(name, valueAt: start..<text.count)
    }

    /// Sets a label to a value that stands in `text` already.
    mutating func set(_ name: [UInt8], valueAt value: Range<Int>) {
        if value.isEmpty { return remove(name) }
        guard let index = index(of: name) else {
            let start = text.count
            text.append(contentsOf: name)
            labels.append(Label(name: start..<text.count, value: value, origin: nil))
            return
        }
        if index >= untouchedCount {
            labels[index].value = value
            labels[index].origin = nil
        } else {
            let label = labels.remove(at: index)
            untouchedCount -= 1
            labels.append(Label(name: label.name, value: value, origin: nil))
        }
    }

    mutating func remove(_ name: [UInt8]) {
        if let index = index(of: name) { remove(at: index) }
    }

    mutating func remove(at index: Int) {
        labels.remove(at: index)
        if index < untouchedCount { untouchedCount -= 1 }
    }

    /// The values of labels, joined; an absent label's is empty.
    mutating func gather(_ names: [[UInt8]], separator: [UInt8]) {
        source.removeAll(keepingCapacity: true)
        for (position, name) in names.enumerated() {
            if position > 0 { source.append(contentsOf: separator) }
            if let index = index(of: name) { source.append(contentsOf: text[labels[index].value]) }
        }
    }

    /// A label's name, where patterns are matched.
    mutating func gatherName(_ label: Label) {
        source.removeAll(keepingCapacity: true)
        source.append(contentsOf: text[label.name])
    }

    /// Appends a template's result for the match in `source` and tells where it stands.
    mutating func expand(_ template: ReplacementTemplate) -> Range<Int> {
        let start = text.count
        template.expand(source, ranges, into: &text)
        return start..<text.count
    }

    private mutating func append(_ bytes: Span<UInt8>) -> Range<Int> {
        let start = text.count
        for index in bytes.indices { text.append(bytes[index]) }
        return start..<text.count
    }
}
