internal import Platform
import Synchronization
internal import Telemetry
internal import WriteAheadBuffer

/// How requests are cut of what a slot has claimed.
extension SlotRunner {
    /// What a cut gave.
    enum Cut: Sendable {
        case nothing
        case dropped(DroppedBatch)
        case request(Shipment)
    }

    /// A cut, and what is left of the claim.
    struct CutOff: Sendable {
        let cut: Cut
        let rest: BatchCollector
        /// How long it took.
        let tookNs: UInt64
        /// Whether a limit of the receiver's held, in bytes.
        let isLimited: Bool
    }

    /// Cuts a batch of what the slot has claimed, on a worker.
    func cut(_ filling: SlotState.Filling, _ session: inout Session) async -> Cut {
        let (collector, claimed) = (session.collector, session.claimed)
        let off = await shared.workers.run { [self] in cutOff(collector, claimed, filling) }
        return take(off, filling, &session)
    }

    /// Cuts a batch, encodes it, and tells the cursor that it is about to be sent. Takes long and writes a
    /// file: called on a worker.
    func cutOff(_ collector: BatchCollector, _ claimed: Claimed?, _ filling: SlotState.Filling) -> CutOff {
        let nowNs = shared.clock.monotonicNs
        let search = BatchCollector.Search(
            upTo: filling.upTo, isSearching: filling.isSearching, shared.lessons, nowNs)
        var collector = collector
        let resend = claimed?.claim.resend?.request
        let message = message(of: collector, resend, nowNs)
        let order = resend.flatMap { shared.frameOrder(of: $0) }
        if let resend {
            if resend.protocolVersion == message.rawValue, let order {
                collector.resend(in: order)
            } else {
                collector.cutAnew()
            }
        }
        var leftOut = shared.leftOut.withLock { leftOut in
            leftOut.forgetOld(nowNs)
            return leftOut
        }
        let (limits, wallMs, agingMs) = (shared.lessons.limits, shared.clock.wallMs, shared.clock.agingMs)
        let reserved = limits.reserve(nowNs: nowNs, wallMs: wallMs)
        let limitBytes = shared.lessons.limitBytes
        let cut = shared.scratches.with { scratch in
            collector.cut(
                message, samples: filling.samples, bytes: limitBytes, search: search, leftOut: &leftOut,
                agingMs: agingMs,
                isUsedUp: {
                    limits.isUsedUp(forJob: $0, reserved: reserved, nowNs: nowNs, wallMs: wallMs)
                }, scratch: scratch)
        }
        limits.cut(bytes: cut.request?.body.count, reserved: reserved, nowNs: nowNs, wallMs: wallMs)
        if leftOut.hasFound { shared.leftOut.withLock { $0.learn(from: leftOut) } }
        let result: Cut =
            switch cut {
            case .nothing: .nothing
            case .dropped(let batch): .dropped(batch)
            case .request(let request):
                .request(
                    Shipment(
                        request: request,
                        note: RequestNote(
                            request, rest: collector, claimed, window, isMadeAsNow: order != nil),
                        cutNs: nowNs))
            }
        return CutOff(
            cut: result, rest: collector, tookNs: shared.clock.monotonicNs - nowNs,
            isLimited: limitBytes != nil)
    }

    /// Goes on with what was cut.
    func take(_ off: CutOff, _ filling: SlotState.Filling, _ session: inout Session) -> Cut {
        session.collector = off.rest
        session.busyNs += off.tookNs
        guard case .request(let sent) = off.cut else { return off.cut }
        session.claimed?.noted = sent.note.rest
        if let fault = sent.note.fault {
            // Without the note a crash now would make other requests of these samples; not to send them would
            // be worse.
            shared.metrics.bufferErrors.add()
            shared.log.bufferFailed(
                "the cursor cannot be written; sent all the same", fault, wallMs: shared.clock.wallMs)
        }
        if !filling.isSearching {
            shared.lessons.cut(ns: off.tookNs)
            // Requests that are small for the receiver's sake say nothing about the size of claims: the limit
            // may soon be lifted, and until then a claim makes several requests.
            if !off.isLimited { window.cut(sent.request) }
        }
        return off.cut
    }
}
