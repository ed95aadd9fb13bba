/// A set of samples, which are numbered through all frames of a run.
struct SampleSet: Sendable {
    private var words: [UInt64] = []

    init() {}

    init(_ range: Range<Int>) { insert(range) }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The lowest.
    var first: Int? {
        words.firstIndex { $0 != 0 }.map { $0 * 64 + words[$0].trailingZeroBitCount }
    }

    func contains(_ sample: Int) -> Bool {
        let word = sample / 64
        return word < words.count && words[word] & (1 << UInt64(sample % 64)) != 0
    }

    func count(in range: Range<Int>) -> Int {
        var count = 0
        var sample = range.lowerBound
        while sample < range.upperBound, sample / 64 < words.count {
            let next = min(range.upperBound, (sample / 64 + 1) * 64)
            var bits = words[sample / 64] >> UInt64(sample % 64)
            if next - sample < 64 { bits &= (1 << UInt64(next - sample)) - 1 }
            count += bits.nonzeroBitCount
            sample = next
        }
        return count
    }

    mutating func insert(_ range: Range<Int>) {
        for sample in range {
            let word = sample / 64
            if word >= words.count { words += repeatElement(0, count: word + 1 - words.count) }
            words[word] |= 1 << UInt64(sample % 64)
        }
    }

    mutating func insert(_ other: SampleSet) {
        if other.words.count > words.count {
            words += repeatElement(0, count: other.words.count - words.count)
        }
        for index in other.words.indices { words[index] |= other.words[index] }
    }

    mutating func remove(_ other: SampleSet) {
        for index in 0..<min(words.count, other.words.count) { words[index] &= ~other.words[index] }
    }

    func union(_ other: SampleSet) -> SampleSet {
        var result = self
        result.insert(other)
        return result
    }

    func subtracting(_ other: SampleSet) -> SampleSet {
        var result = self
        result.remove(other)
        return result
    }

    func intersection(_ other: SampleSet) -> SampleSet {
        var result = self
        for index in result.words.indices {
            result.words[index] &= index < other.words.count ? other.words[index] : 0
        }
        return result
    }

    func isSame(as other: SampleSet) -> Bool {
        subtracting(other).isEmpty && other.subtracting(self).isEmpty
    }
}
