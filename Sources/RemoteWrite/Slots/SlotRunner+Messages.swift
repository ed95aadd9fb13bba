internal import Configuration
internal import Platform
internal import Telemetry
internal import WriteAheadBuffer

/// What depends on whether a request is one of remote write 1.0 or 2.0.
extension SlotRunner {
    /// The message of the request that is cut next. One that was in flight when the agent ended (`resend`)
    /// is what it was, where the options are, too, so that its bytes are the same.
    func message(of collector: BatchCollector, _ resend: SentRequest?, _ nowNs: UInt64) -> WriteMessage {
        guard collector.isResending, let resend, shared.frameOrder(of: resend) != nil else {
            return shared.messages.current(nowNs)
        }
        return shared.messages.again(WriteMessage(rawValue: resend.protocolVersion), nowNs)
    }

    /// Whether the samples go again, as the answer says that the receiver has not understood the message.
    func fallsBack(
        _ sent: Shipment, _ response: ReceiverAnswer.Response, _ text: String,
        _ now: SlotStateMachine.Moment
    ) async -> Bool {
        let outcome = shared.messages.answered(
            sent.request.message, response, cutNs: sent.cutNs, now.monotonicNs, wallMs: now.wallMs)
        shared.lessons.probes(shared.messages.isProbing)
        if let note = outcome.note { await keep(note) }
        if outcome.isSaid {
            shared.log.fellBack(
                shared.configuration.protobufMessage, status: response.status, text: text)
        }
        if outcome.verdict == .fallBack { shared.metrics.fellBack.add() }
        return outcome.verdict != .understood
    }

    /// Keeps what is known of the receiver in the cursor.
    private func keep(_ note: ReceiverNote) async {
        let reader = window.reader
        await shared.workers.run { reader.note(note) }
    }

    /// Tells of what a receiver of 2.0 took in without writing it, which it should not answer with success.
    func unwritten(_ request: PreparedRequest, _ response: ReceiverAnswer.Response) {
        guard request.message == .v2, let written = response.written else { return }
        let missing = written.missing(
            samples: request.sampleCount - request.histogramCount, histograms: request.histogramCount,
            exemplars: request.exemplarCount)
        guard missing.total > 0 else { return }
        shared.metrics.unwritten.add(UInt64(missing.total))
        shared.log.unwritten(missing, wallMs: shared.clock.wallMs)
    }
}
