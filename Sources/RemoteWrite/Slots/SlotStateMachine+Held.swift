internal import WriteAheadBuffer

extension SlotStateMachine {
    /// The clocks at one moment.
    struct Moment: Sendable, Equatable {
        var monotonicNs: UInt64
        var wallMs: Int64
        /// What ages are counted from (`AgentClock.agingMs`).
        var agingMs: Int64

        /// `agingMs` is `wallMs` where nothing else is said.
        init(monotonicNs: UInt64, wallMs: Int64, agingMs: Int64? = nil) {
            self.monotonicNs = monotonicNs
            self.wallMs = wallMs
            self.agingMs = agingMs ?? wallMs
        }
    }

    /// What must be known of the request held.
    struct Held: Sendable, Equatable {
        var sampleCount: Int
        /// Before compression.
        var bytes = 0
        /// After compression.
        var bodyBytes = 0
        var newestMs: Int64
        /// No series stands in it twice.
        var holdsSeriesOnce = false
        /// The receiver may have stored it, or part of it, at an earlier try.
        var mayBeStored: Bool
        /// The position behind its last sample.
        var end = BufferPosition(segment: 0, offset: 0)
        /// It holds nothing but series that were left out and are tried again.
        var triesAgain = false
        /// Receivers of this message say what they have written.
        var message = WriteMessage.v1
        /// Histograms among the samples.
        var histogramCount = 0

        /// What of the request the receiver says it has not written; nil where it does not say. What
        /// headers say in an answer to 1.0 is not asked.
        func unwritten(_ response: ReceiverAnswer.Response) -> WrittenCounts? {
            guard message == .v2, let written = response.written else { return nil }
            return written.missing(
                samples: sampleCount - histogramCount, histograms: histogramCount, exemplars: 0)
        }
    }
}

extension SlotStateMachine.Held {
    init(_ request: PreparedRequest) {
        self.init(
            sampleCount: request.sampleCount, bytes: request.uncompressedBytes,
            bodyBytes: request.body.count, newestMs: request.newestMs,
            holdsSeriesOnce: request.holdsSeriesOnce, mayBeStored: request.mayBeStored, end: request.end,
            triesAgain: request.triesAgain, message: request.message, histogramCount: request.histogramCount)
    }
}
