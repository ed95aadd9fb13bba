/// The lines of a page as stretches of lines that the page before had, and of new ones.
struct PageStretches {
    private struct Stretch {
        /// Among the lines of the page before, or among the new ones.
        let first: Int
        var count: Int
        let isNew: Bool
    }

    private var stretches: [Stretch] = []
    private(set) var lineCount = 0

    /// Adds lines behind those so far.
    mutating func append(_ lines: Range<Int>, isNew: Bool) {
        guard !lines.isEmpty else { return }
        lineCount += lines.count
        if let last = stretches.last, last.isNew == isNew, last.first + last.count == lines.lowerBound {
            stretches[stretches.count - 1].count += lines.count
        } else {
            stretches.append(Stretch(first: lines.lowerBound, count: lines.count, isNew: isNew))
        }
    }

    /// What stands for each line of the page, from what stands for the lines before and the new ones.
    func column<Element: BitwiseCopyable>(_ before: [Element], _ new: [Element]) -> [Element] {
        Array(capacity: lineCount) { room in
            for stretch in stretches {
                let lines = stretch.first..<stretch.first + stretch.count
                let part = stretch.isNew ? new.span.extracting(lines) : before.span.extracting(lines)
                // Safety: the stretches' counts add up to `lineCount`, for which there is room; no pointer
                // leaves its closure.
                unsafe room.withUnsafeMutableBufferPointer { buffer, used in
                    let place = unsafe buffer[used..<used + lines.count]
                    _ = unsafe part.withUnsafeBufferPointer { unsafe place.initialize(fromContentsOf: $0) }
                    used += lines.count
                }
            }
        }
    }
}
