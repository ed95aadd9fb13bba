internal import MetricModel
internal import Platform
import Synchronization
internal import WriteAheadBuffer

/// What a destination's window holds in memory, charged to its share of what reading may hold. It is an
/// estimate, since the bodies of requests are made and let go by its slots, and a target's newest frame is
/// counted here and as the base of its next one.
///
/// Any thread.
final class WindowHold: Sendable {
    private let share: MemoryShare
    /// Bytes charged at the last look for parts that wait and for the bodies of requests in flight.
    private let looked = Mutex(0)

    /// Bytes of a request's body for each sample, in addition to those that the frame holds for it: labels,
    /// timestamp and what compression needs.
    static let bodySampleBytes = 32
    /// Bytes of a part that waits, with its keys.
    private static let partBytes = MemoryLayout<WaitingSlices.Entry>.stride + 64
    /// So many requests may be in flight, however small the share is.
    private static let leastRequests = 4

    init(_ account: MemoryAccount, mostSamples: Int) {
        // Eight bytes of a plain sample are its value.
        let (batchBytes, isTooMuch) = mostSamples.multipliedReportingOverflow(
            by: Self.leastRequests * (8 + Self.bodySampleBytes))
        let limitBytes = account.limitBytes(of: .reading)
        share = MemoryShare(
            account, .reading, leastBytes: isTooMuch ? limitBytes : min(batchBytes, limitBytes))
    }

    deinit { looked.withLock { share.change(by: -$0) } }

    /// Charges a frame until nobody has a part of it any more.
    func frame(_ stored: StoredFrame) -> HeldFrame {
        HeldFrame(bytes: stored.heldBytes, of: stored.frame.sampleCount, share)
    }

    /// `parts` wait now, and the bodies of the requests in flight take `bodyBytes`.
    func set(parts: Int, bodyBytes: Int) {
        looked.withLock { looked in
            let bytes = parts * Self.partBytes + bodyBytes
            share.change(by: bytes - looked)
            looked = bytes
        }
    }

    /// Whether no more is to be read. `parts` wait now.
    func isUsedUp(parts: Int, bodyBytes: Int) -> Bool {
        set(parts: parts, bodyBytes: bodyBytes)
        return share.isUsedUp
    }

    /// What is charged now.
    var heldBytes: Int { share.heldBytes }
}

/// A frame that was read, charged for as long as a part of it waits or has no answer.
final class HeldFrame: Sendable {
    let bytes: Int
    private let samples: Int
    private let share: MemoryShare

    fileprivate init(bytes: Int, of samples: Int, _ share: MemoryShare) {
        self.bytes = bytes
        self.samples = max(1, samples)
        self.share = share
        share.change(by: bytes)
    }

    deinit { share.change(by: -bytes) }

    /// What the body of a request may take with so many of the frame's samples: more where they are
    /// histograms or have exemplars.
    func bodyBytes(samples count: Int) -> Int { count * (WindowHold.bodySampleBytes + bytes / samples) }
}
