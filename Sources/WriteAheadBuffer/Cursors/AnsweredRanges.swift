/// Places beyond a cursor's low-water mark that are answered for: ascending, and none touches the next.
struct AnsweredRanges: Sendable, Equatable {
    /// Where there are so many, nothing more is read behind the last of them until there are fewer. What is
    /// in flight or waits by then, and what lies between them, may add a few.
    static let most = 4_096

    /// No file has more, in a list of ranges or in all of a cursor: what says more is damaged. A million
    /// samples wait for a window of fifty requests, and two ranges of them never touch.
    static let mostInFile = 1 << 20

    private(set) var ranges: [Range<BufferPosition>] = []

    init() {}

    /// nil when these do not ascend, touch, are empty or too many: no writer writes such.
    init?(_ ranges: [Range<BufferPosition>]) {
        guard ranges.count <= Self.mostInFile else { return nil }
        let areApart = zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
        guard areApart, ranges.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.ranges = ranges
    }

    var count: Int { ranges.count }
    var isEmpty: Bool { ranges.isEmpty }
    /// Where the last one ends.
    var end: BufferPosition? { ranges.last?.upperBound }

    /// Adds ranges, in any order.
    mutating func insert(_ added: [Range<BufferPosition>]) {
        // One by one each costs as much as there are behind it, and a file may hold any number.
        guard added.count > Self.mostOneByOne else {
            for range in added { insert(range) }
            return
        }
        var joined: [Range<BufferPosition>] = []
        for range in (ranges + added).sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        ranges = joined
    }

    private static let mostOneByOne = 16

    /// Ends ranges where the log ends: `end` gives for a range's end the place that is there.
    mutating func cut(_ end: (BufferPosition) -> BufferPosition) {
        ranges = ranges.compactMap { range in
            let upper = min(range.upperBound, end(range.upperBound))
            return range.lowerBound < upper ? range.lowerBound..<upper : nil
        }
    }

    /// Adds a range; it joins those that it touches.
    mutating func insert(_ range: Range<BufferPosition>) {
        guard !range.isEmpty else { return }
        // Those from `first` up to `behind` touch it.
        let first = index { $0.upperBound >= range.lowerBound }
        var behind = first
        var joined = range
        while behind < ranges.count, ranges[behind].lowerBound <= range.upperBound {
            let lower = min(joined.lowerBound, ranges[behind].lowerBound)
            joined = lower..<max(joined.upperBound, ranges[behind].upperBound)
            behind += 1
        }
        ranges.replaceSubrange(first..<behind, with: [joined])
    }

    /// The parts of `range` that are not answered for, ascending.
    func gaps(in range: Range<BufferPosition>) -> [Range<BufferPosition>] {
        var gaps: [Range<BufferPosition>] = []
        var from = range.lowerBound
        var next = index { $0.upperBound > range.lowerBound }
        while next < ranges.count, ranges[next].lowerBound < range.upperBound {
            if from < ranges[next].lowerBound { gaps.append(from..<ranges[next].lowerBound) }
            from = ranges[next].upperBound
            next += 1
        }
        if from < range.upperBound { gaps.append(from..<range.upperBound) }
        return gaps
    }

    /// Forgets what lies before `mark`. Returns where the mark stands then: behind a range that it reaches.
    mutating func pass(_ mark: BufferPosition) -> BufferPosition {
        let behind = index { $0.lowerBound > mark }
        let passed = behind > 0 ? max(mark, ranges[behind - 1].upperBound) : mark
        ranges.removeFirst(behind)
        return passed
    }

    /// The first range for which `condition` holds: it holds for all behind, too.
    private func index(where condition: (Range<BufferPosition>) -> Bool) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if condition(ranges[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
