internal import WriteAheadBuffer

/// Requests to be made again, as they had left before this sender began and have no answer, until the frames
/// of each are read.
///
/// A cursor that was forged or damaged may name any places. A request is not complete before the log was
/// read up to its end, and what comes after its first frames has to wait until then. So there is a bound to
/// what is read for it.
struct SentRequests: Sendable {
    /// So many samples are read while the share of memory is used up, and one batch at least; the frame that
    /// reaches the bound is read whole. The sender that made the requests had read all of it and held as much
    /// memory, but for its last batch, of which `max_samples_per_send` is 1,000,000 at most.
    static let mostBeyondMemory = 1 << 20

    /// Those whose frames are not all read yet, by number.
    private var incomplete: [UInt64: SentRequest]
    /// How many samples waited when the share of memory was found used up; nil while it is free.
    private var waitedAtLimit: Int?
    private let mostBeyondMemory: Int
    /// The numbers of requests that were found damaged (`takeDamaged`) and have not been claimed since.
    private var damaged: Set<UInt64> = []

    init(_ sent: [UInt64: SentRequest], mostBeyondMemory: Int = mostBeyondMemory) {
        incomplete = sent
        self.mostBeyondMemory = mostBeyondMemory
    }

    /// All frames of them are read.
    var isEmpty: Bool { incomplete.isEmpty }

    /// Which of a frame's open samples belong to which request, by ascending number, and the rest. A sample
    /// belongs to one request. Where a damaged file names two, the first has it.
    func parts(
        of stored: StoredFrame, _ reader: DestinationReader
    ) -> (parts: [(number: UInt64, samples: Range<Int>)], rest: [Range<Int>]) {
        var parts: [(number: UInt64, samples: Range<Int>)] = []
        var rest = stored.open
        for (number, request) in incomplete.sorted(by: { $0.key < $1.key }) {
            for samples in reader.samples(of: request, in: stored) {
                for part in rest.map({ $0.clamped(to: samples) }) where !part.isEmpty {
                    parts.append((number, part))
                }
                rest = rest.flatMap { open in
                    [
                        open.clamped(to: 0..<max(0, samples.lowerBound)),
                        open.clamped(to: samples.upperBound..<max(samples.upperBound, open.upperBound)),
                    ].filter { !$0.isEmpty }
                }
            }
        }
        return (parts, rest)
    }

    /// The log was read up to `end`: the numbers of those that are complete by it.
    mutating func takeComplete(upTo end: BufferPosition) -> [UInt64] {
        let complete = incomplete.filter { $0.value.spans.allSatisfy { $0.upperBound <= end } }.map(\.key)
        for number in complete { incomplete[number] = nil }
        return complete
    }

    /// The log was read to its tail, and what is not there now is gone from the disk: the numbers of all.
    mutating func takeAll() -> [UInt64] {
        defer { incomplete = [:] }
        return Array(incomplete.keys)
    }

    /// Whether one more batch may be read for them, where so many samples wait (`waiting`).
    mutating func mayRead(waiting: Int, isMemoryUsedUp: Bool) -> Bool {
        guard isMemoryUsedUp else {
            waitedAtLimit = nil
            return true
        }
        guard let waitedAtLimit else {
            waitedAtLimit = waiting
            return true
        }
        return waiting - waitedAtLimit < mostBeyondMemory
    }

    /// No sender with as much memory made those that are not complete by now: nothing more is read for them,
    /// and what was read is sent as any other samples. Their numbers.
    mutating func takeDamaged() -> [UInt64] {
        damaged.formUnion(incomplete.keys)
        waitedAtLimit = nil
        return takeAll()
    }

    /// Whether the request with this number, which is claimed now, was given up.
    mutating func claimed(_ number: UInt64) -> Bool { damaged.remove(number) != nil }
}
