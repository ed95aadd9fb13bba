internal import WriteAheadBuffer

extension ShippingWindow {
    /// What the cursor could not take down; it goes with the next answer, or alone when none comes.
    struct Unbooked: Sendable {
        var numbers: [UInt64] = []
        var ranges: [Range<BufferPosition>] = []
        var outcome = Outcomes()

        var isEmpty: Bool { numbers.isEmpty && ranges.isEmpty && outcome.isEmpty }

        /// Adds more; neighbours become one range, so that a cursor that fails for long costs little
        /// memory.
        mutating func add(
            _ numbers: [UInt64], _ ranges: [Range<BufferPosition>], _ outcome: Outcomes
        ) {
            self.numbers += numbers
            for range in ranges {
                if let last = self.ranges.last, last.upperBound == range.lowerBound {
                    self.ranges[self.ranges.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    self.ranges.append(range)
                }
            }
            self.outcome.add(outcome)
        }
    }

    /// Requests that left, or were cut anew, and that the cursor could not take down.
    struct Unnoted: Sendable {
        var requests: [UInt64: SentRequest] = [:]
        var replaced: [UInt64] = []

        var isEmpty: Bool { requests.isEmpty && replaced.isEmpty }

        mutating func add(_ more: [UInt64: SentRequest], replacing numbers: [UInt64]) {
            for number in numbers { requests[number] = nil }
            requests.merge(more) { $1 }
            replaced += numbers
        }
    }
}
