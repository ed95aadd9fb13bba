import MetricModel

/// What a parsed line is of a classic histogram, where a job has such histograms converted. Only lines under
/// a TYPE of histogram are looked at (prometheus/model/textparse, NHCBParser: the same rules).
struct ClassicLine {
    enum Role: Equatable {
        case bucket(bound: Double)
        case count, sum
        /// A line that shares the histogram's name and labels and is no part of it.
        case none
    }

    /// A keyed hash of the metric's name without its suffix and the labels without `le`: equal for the lines
    /// of one histogram.
    let key: UInt64
    let role: Role
    /// Bytes of the name behind the histogram's.
    let suffixCount: Int

    /// `family` is the hash of the name in the last TYPE line.
    init(_ parser: ExpositionParser, _ body: RawSpan, family: UInt64, hasher: SegmentHasher) {
        let name = parser.name
        var role = Role.none
        var suffixCount = 0
        for (suffix, found) in Self.suffixes where body.ends(name, with: suffix) {
            suffixCount = suffix.utf8CodeUnitCount
            role = found
        }
        let base = name.lowerBound..<name.upperBound - suffixCount
        let baseHash = hasher.hash(body, base.lowerBound, base.count)
        var labels: UInt64 = 0
        var bound: Double?
        for label in parser.labels {
            if Self.isBound(label, body) {
                bound = DecimalFloat.parse(body, label.value)
                continue
            }
            // A sum, for the order of the labels says nothing.
            labels &+= hasher.combine(
                hasher.hash(body, label.name.lowerBound, label.name.count),
                hasher.hash(body, label.value.lowerBound, label.value.count))
        }
        if baseHash != family {
            role = .none
        } else if case .bucket = role {
            if let bound, !bound.isNaN { role = .bucket(bound: bound) } else { role = .none }
        }
        // 0 stands for no histogram.
        key = max(1, hasher.combine(baseHash, labels))
        self.role = role
        self.suffixCount = suffixCount
    }

    private static let suffixes: [(StaticString, Role)] = [
        ("_bucket", .bucket(bound: .nan)), ("_sum", .sum), ("_count", .count),
    ]

    static func isBound(_ label: ExpositionParser.LabelRange, _ body: RawSpan) -> Bool {
        label.name.count == 2 && body.hasPrefix("le", at: label.name.lowerBound)
    }
}

extension ExpositionParser {
    /// Turns the sample into the series that its histogram becomes: without the name's suffix, without `le`.
    mutating func becomeHistogram(_ line: ClassicLine, _ body: RawSpan) {
        setName(name.lowerBound..<name.upperBound - line.suffixCount, hasEscapes: nameHasEscapes)
        removeLabels { ClassicLine.isBound($0, body) }
    }
}

extension RawSpan {
    /// Whether the bytes of `range`, which lies inside, end with `suffix` and have more in front of it.
    fileprivate func ends(_ range: Range<Int>, with suffix: StaticString) -> Bool {
        range.count > suffix.utf8CodeUnitCount
            && hasPrefix(suffix, at: range.upperBound - suffix.utf8CodeUnitCount)
    }
}
