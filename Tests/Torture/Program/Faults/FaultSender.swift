import MetricModel

@testable import WriteAheadBuffer

/// One destination's sender, as simple as can be: it reads ahead by a few requests and has them answered in
/// any order.
final class FaultSender {
    struct Request {
        let number: UInt64
        let spans: [Range<BufferPosition>]
        let outcome: Outcomes
        /// Numbers of the frames in it.
        let frames: [Int]
        /// The receiver has answered; that is booked once it can be.
        var isAnswered = false
    }

    let name: String
    let destination: BufferDestination
    var window: [Request] = []
    /// Numbers of requests that an earlier sender has left in flight.
    var inherited: [UInt64]
    private var nextNumber: UInt64
    /// The number of the frame that was read last.
    var lastRead = -1

    init(_ name: String, _ destination: BufferDestination) {
        self.name = name
        self.destination = destination
        inherited = destination.reader.sent.keys.sorted()
        nextNumber = (inherited.last ?? 0) + 1
    }

    var reader: DestinationReader { destination.reader }

    /// A request of these frames.
    func request(_ frames: [StoredFrame]) -> Request {
        var ranges = AnsweredRanges()
        var outcome = Outcomes()
        for stored in frames {
            for samples in stored.open {
                ranges.insert(stored.cover(samples))
                outcome.deliver(samples.count, of: stored.frame.target.job)
            }
        }
        defer { nextNumber += 1 }
        return Request(
            number: nextNumber, spans: ranges.ranges, outcome: outcome,
            frames: frames.map { FaultFrames.number(of: $0.frame) })
    }
}
