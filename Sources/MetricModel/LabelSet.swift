/// A set of labels: sorted by name in byte order, each name once, no empty value (an empty value means
/// absent).
public struct LabelSet: Sendable, Hashable {
    public private(set) var labels: [Label]

    /// Takes labels in any order. Of labels with one name the last wins.
    public init(_ labels: [Label] = []) {
        self.labels = []
        self.labels.reserveCapacity(labels.count)
        for label in labels { self[label.name] = label.value }
    }

    /// The value of a label; nil when absent. Setting nil or an empty value removes it.
    public subscript(name: String) -> String? {
        get {
            let index = lowerBound(name)
            return index < labels.count && same(labels[index].name, name) ? labels[index].value : nil
        }
        set {
            let index = lowerBound(name)
            let present = index < labels.count && same(labels[index].name, name)
            guard let newValue, !newValue.isEmpty else {
                if present { labels.remove(at: index) }
                return
            }
            if present {
                labels[index] = Label(name, newValue)
            } else {
                labels.insert(Label(name, newValue), at: index)
            }
        }
    }

    public var isEmpty: Bool { labels.isEmpty }
    public var count: Int { labels.count }

    private func lowerBound(_ name: String) -> Int {
        var low = 0
        var high = labels.count
        while low < high {
            let middle = (low + high) / 2
            if labels[middle].name.utf8.lexicographicallyPrecedes(name.utf8) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
}

extension LabelSet: CustomStringConvertible {
    /// `{job="a", instance="b"}`, for logs and pages.
    public var description: String {
        "{" + labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ", ") + "}"
    }
}
