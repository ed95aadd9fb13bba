internal import Configuration
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

    /// What must be known of the receiver.
    struct Receiver: Sendable {
        /// It is given credentials, which may be others at the next try.
        var isGivenCredentials = true
        /// It is sent requests of remote write 2.0, or was until it turned out not to know them.
        var isSent20 = false

        init(isGivenCredentials: Bool = true, isSent20: Bool = false) {
            self.isGivenCredentials = isGivenCredentials
            self.isSent20 = isSent20
        }

        init(_ configuration: RemoteWriteConfiguration) {
            let http = configuration.http
            isGivenCredentials =
                configuration.sigv4 != nil || http.authentication != .none || !http.headers.isEmpty
            isSent20 = configuration.protobufMessage != .v1
        }
    }

    /// What must be known of the request held.
    struct Held: Sendable, Equatable {
        var sampleCount: Int
        /// Before compression.
        var bytes = 0
        /// After compression.
        var bodyBytes = 0
        /// The timestamp of its newest frame. The timestamps that samples have of their own are judged by
        /// their frames' when the request is cut, and not by the clock.
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

        /// Whether the receiver may have refused everything that the request holds, and not because an
        /// earlier try has stored it.
        func mayBeRefused(_ response: ReceiverAnswer.Response) -> Bool {
            if mayBeStored, wasStored(response) { return false }
            switch response.meaning {
            case .tooLarge: return true
            case .refused:
                return unwritten(response).map { $0.total == sampleCount } ?? response.mayHaveTakenNothing
            default: return false
            }
        }

        /// Whether the receiver answers so because it has stored the request already. A receiver that rolls
        /// whole requests back takes a sample a second time without an error while it is the newest of its
        /// series. Otherwise it says "out of order", which takes a request with several samples of one
        /// series: nothing newer of its series was sent. Any other refusal is about a sample that it would
        /// have refused the first time, too.
        func wasStored(_ response: ReceiverAnswer.Response) -> Bool {
            guard response.mayHaveTakenNothing else { return response.reason.isAnswerToDuplicates }
            return response.reason == .outOfOrder && !holdsSeriesOnce
        }
    }
}

extension SlotStateMachine.Held {
    init(_ request: PreparedRequest) {
        self.init(
            sampleCount: request.sampleCount, bytes: request.uncompressedBytes,
            bodyBytes: request.body.count, newestMs: request.newestFrameMs ?? request.newestMs,
            holdsSeriesOnce: request.holdsSeriesOnce, mayBeStored: request.mayBeStored, end: request.end,
            triesAgain: request.triesAgain, message: request.message, histogramCount: request.histogramCount)
    }
}
