/// Which of a few names somebody meant.
package enum Spelling {
    /// The candidate nearest to `word`, when it is near enough to be meant: a third of its letters, two at
    /// least.
    package static func nearest(_ word: String, _ candidates: [String]) -> String? {
        // A long word is no misspelt key, and comparing it would cost time.
        guard word.utf8.count <= 64 else { return nil }
        let best = candidates.map { ($0, distance(Array(word.lowercased().utf8), Array($0.utf8))) }
            .min { $0.1 < $1.1 }
        guard let best, best.1 <= max(2, best.0.utf8.count / 3) else { return nil }
        return best.0
    }

    /// Insertions, deletions, replacements and swaps of neighbours from one to the other.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var row = [i + 1]
            for (j, b) in right.enumerated() {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a == b ? 0 : 1))
                if i > 0, j > 0, a == right[j - 1], left[i - 1] == b {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
