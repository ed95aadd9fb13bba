import Addresses
internal import CCurl
internal import Logging
internal import Platform

/// The transfer thread's work: takes requests, drives libcurl, hands responses over. It parses nothing.
final class TransferLoop {
    /// While somebody waits for a slot, slow senders and deadlines are looked at this often.
    private static let waitingTickMs: Int32 = 100
    /// Without work there is nothing to wake for; libcurl's own timers shorten this.
    private static let idleTickMs: Int32 = 60_000
    /// epoll waits in milliseconds: what is planned begins up to one before its time rather than after it.
    private static let earlyNs: UInt64 = 1_000_000

    private let configuration: HTTPClientConfiguration
    private let queue: SubmissionQueue
    private let multi: MultiHandle
    private let plain: PlainPath
    private let admission: BodyAdmission
    private let holdings: ClientHoldings
    private let metrics: ClientMetrics
    private let logger: Logger
    private var transfers: [UInt64: Transfer] = [:]
    /// Received whole, and waiting for the memory that their bodies decode to.
    private var decoding: [UInt64: (transfer: Transfer, status: Int)] = [:]
    /// Exchanges whose time has not come.
    private var scheduled = DeadlineQueue()
    private var held = HeldRequests()
    private var handles: KeptHandles

    init(
        configuration: HTTPClientConfiguration, queue: SubmissionQueue, multi: MultiHandle, pool: BodyPool,
        holdings: ClientHoldings, metrics: ClientMetrics, logger: Logger
    ) {
        self.configuration = configuration
        self.queue = queue
        self.multi = multi
        handles = KeptHandles(multi, idleConnectionMs: configuration.idleConnectionMs)
        plain = PlainPath(watch: multi.watch, configuration: configuration)
        self.holdings = holdings
        self.metrics = metrics
        self.logger = logger
        let slots = BodySlots(capacity: configuration.bodySlots, bytesLimit: configuration.waitingBytesLimit)
        admission = BodyAdmission(slots: slots, pool: pool, memory: configuration.memory)
    }

    /// Runs until the client is shut down.
    func run() {
        while true {
            let batch = queue.take()
            if batch.shutDown { return end(batch) }
            if Platform.Heap.restIfAsked() { scheduled.giveBackRoom() }
            admit(batch)
            if batch.relaxes { relax() }
            beginDue()
            moveSlots()
            moveMemory()
            startHeld()
            holdings.report(
                plain: plain.connectionCount, curl: multi.sockets.openCount, handles: handles.count)
            metrics.report(
                inFlight: transfers.count + held.count + decoding.count,
                waiting: admission.slots.waiterCount + admission.line.count,
                slotsInUse: admission.slots.slotsInUse, connections: holdings.connectionCount)
            let problem = multi.turn(waitAtMostMs: waitMs()) { descriptor, isReadable, isWritable in
                plain.ready(
                    descriptor, isReadable: isReadable, isWritable: isWritable, nowNs: admission.nowNs)
            }
            if let problem {
                failAll("libcurl cannot go on: \(problem)")
                SystemThread.pause(ms: Int(Self.waitingTickMs))
            }
            closeIdle()
            finishPlain()
            finishDone()
            pauseWaiting()
        }
    }

    /// How long the thread may wait; 0 when something has come meanwhile.
    private func waitMs() -> Int32 {
        guard plain.ended.isEmpty else { return 0 }
        let isStarved = admission.hasWaiters || !held.isEmpty
        let nowNs = admission.nowNs
        var untilNs = nowNs + UInt64(isStarved ? Self.waitingTickMs : Self.idleTickMs) * 1_000_000
        untilNs = min(untilNs, max(plain.nextDeadlineNs, nowNs))
        untilNs = min(untilNs, max(handles.nextNs, nowNs))
        if let nextNs = scheduled.nextNs { untilNs = min(untilNs, max(nextNs, nowNs)) }
        guard queue.mayWait(untilNs: untilNs, wantsReleases: isStarved) else { return 0 }
        return Int32((untilNs - nowNs) / 1_000_000)
    }

    /// Lets go of what serves later requests only; libcurl's idle connections go later (`closeIdle`).
    private func relax() {
        metrics.closedIdle(plain.closeIdle())
        handles.relax(nowNs: admission.nowNs)
    }

    /// Has libcurl close idle connections when it is time for that. Like any turn of libcurl it may end
    /// transfers, so it comes before those that have ended are looked for.
    private func closeIdle() {
        if handles.nextNs == .max { return }
        if let problem = handles.closeIdle(nowNs: admission.nowNs + Self.earlyNs) {
            logger.warning("libcurl's idle connections stay open", metadata: ["problem": "\(problem)"])
        }
        metrics.closedIdle(multi.sockets.takeIdleClosed())
    }

    /// Begins the exchanges whose time has come.
    private func beginDue() {
        guard !scheduled.isEmpty else { return }
        let nowNs = admission.nowNs
        while let due = scheduled.popDue(nowNs: nowNs + Self.earlyNs) {
            guard let request = due.exchange.begin() else { continue }
            take(Submission(id: due.id, request: request, nowNs: nowNs, reply: .exchange(due.exchange)))
        }
    }

    private func admit(_ batch: SubmissionQueue.Batch) {
        admission.slots.releasedByConsumers(batch.releasedSlots)
        admission.slots.discharge(batch.releasedBytes)
        for submission in batch.submissions { take(submission) }
        for entry in batch.scheduled { scheduled.insert(entry) }
        if !batch.cancellations.isEmpty { cancel(batch.cancellations) }
    }

    private func take(_ submission: Submission) {
        if submission.request.takesBodySlot, admission.slots.consumersAreBehind || !held.isEmpty {
            held.add(submission)
        } else {
            start(submission)
        }
    }

    private func start(_ submission: Submission) {
        guard let transfer = plain.begin(submission, admission) else { return startWithCurl(submission) }
        transfers[transfer.id] = transfer
    }

    private func startWithCurl(_ submission: Submission) {
        let place: HTTPURL
        do throws(AddressError) { place = try HTTPURL(parsing: submission.request.url) } catch {
            return submission.reply.end(.failure(HTTPError(.badURL, "the URL \(error)")))
        }
        guard let easy = handles.take(for: submission.request) else {
            let what = "\(place): no memory for another transfer"
            return submission.reply.end(.failure(HTTPError(.other, what)))
        }
        let transfer = Transfer(submission, easy: easy, admission: admission)
        let nowNs = admission.nowNs
        guard submission.deadlineNs > nowNs else {
            handles.keep(easy)
            return transfer.fail(transfer.failure(.timeout, "the time was up before a connection was begun"))
        }
        let leftMs = Int64((submission.deadlineNs - nowNs + 999_999) / 1_000_000)
        do throws(HTTPError) {
            try easy.prepare(
                for: transfer, configuration, timeoutMs: leftMs,
                receiveBytes: admission.slots.receiveBytes(inFlight: transfers.count),
                mostIdleSeconds: handles.mostIdleSeconds)
        } catch {
            return transfer.fail(transfer.failure(error.code, error.message))
        }
        if let problem = multi.add(easy) {
            return transfer.fail(transfer.failure(.other, "libcurl does not take the transfer: \(problem)"))
        }
        transfers[transfer.id] = transfer
    }

    private func cancel(_ ids: [UInt64]) {
        for entry in scheduled.remove(Set(ids)) { entry.exchange.end(.failure(Self.cancelledError)) }
        for id in ids {
            if end(id, { $0.failure(.cancelled, "the request was cancelled") }) { continue }
            held.remove(id)?.reply.end(.failure(Self.cancelledError))
        }
    }

    private static let cancelledError = HTTPError(.cancelled, "the request was cancelled")

    /// Gives free slots to those in line, taking them from slow senders first.
    private func moveSlots() {
        guard admission.hasWaiters else { return }
        for id in admission.takeSlotsOfSlowSenders() {
            guard let transfer = transfers[id], !transfer.slotLost() else { continue }
            giveUp(transfer, transfer.refusal ?? transfer.failure(.overloaded, "no memory for a slow body"))
        }
        for id in admission.stalled() { _ = end(id) { $0.comesTooSlowly } }
        let granted = admission.slots.grant(nowNs: admission.nowNs) { transfers[$0]?.body.count ?? 0 }
        for id in granted {
            guard let transfer = transfers[id] else { continue }
            switch transfer.slotGranted() {
            case .taken: resume(transfer)
            case .pause: break
            case .refused: giveUp(transfer, transfer.refusal ?? transfer.failure(.overloaded, "no memory"))
            }
        }
    }

    /// Gives free memory to those in line. Where they hold all that is held, one goes on or gives way. So
    /// does one that has held others up for too long, and these have what it held at once.
    private func moveMemory() {
        guard !admission.line.isEmpty else { return }
        repeat {
            while let (id, bytes) = admission.nextGranted() { grant(bytes, to: id) }
        } while goOn() || endHoldUp()
        let nowNs = admission.nowNs
        for (id, (transfer, _)) in decoding where transfer.deadlineNs <= nowNs {
            decoding[id] = nil
            transfer.fail(transfer.failure(.timeout, transfer.timeoutText("timed out")))
        }
    }

    private func grant(_ bytes: Int, to id: UInt64) {
        if let (transfer, status) = decoding.removeValue(forKey: id) {
            transfer.memoryGranted(bytes)
            transfer.succeed(status: status, nowNs: admission.nowNs)
        } else if let transfer = transfers[id] {
            transfer.memoryGranted(bytes)
            resume(transfer)
        } else {
            admission.memory.discharge(bytes, from: .bodies)
            admission.ended(id)
        }
    }

    /// A part of what a body asks for is of use where the body may be shorter than that. One that is to be
    /// decoded, or announces its length, needs all of it.
    private func takesPart(_ id: UInt64) -> Bool { transfers[id]?.announced == nil && decoding[id] == nil }

    /// When waiting bodies hold all the memory in use, lets one of them go on or fail. False when none must.
    private func goOn() -> Bool {
        switch admission.wayOn(takesPart: takesPart) {
        case .goesOn(let id, let bytes): grant(bytes, to: id)
        case .givesWay(let victim, let cannotFit):
            return end(victim) { $0.mustGiveWay(cannotFit: cannotFit) }
        case nil: return false
        }
        return true
    }

    /// Ends a body for which others have waited for too long. False when there is none.
    private func endHoldUp() -> Bool {
        guard let id = admission.holdsUpTooLong() else { return false }
        return end(id) { $0.heldOthersUp }
    }

    /// Ends a transfer that holds memory or waits for it. False when there is none of this number.
    private func end(_ id: UInt64, _ error: (Transfer) -> HTTPError) -> Bool {
        if let (transfer, _) = decoding.removeValue(forKey: id) {
            transfer.fail(error(transfer))
        } else if let transfer = transfers[id] {
            giveUp(transfer, error(transfer))
        } else {
            return false
        }
        return true
    }

    /// Reads on where a transfer has waited.
    private func resume(_ transfer: Transfer) {
        guard !transfer.isWaiting else { return }
        guard let easy = transfer.easy else { return plain.resume(transfer.id, nowNs: admission.nowNs) }
        guard !easy.resumeReceiving() else { return }
        giveUp(
            transfer, transfer.refusal ?? transfer.failure(.other, "libcurl cannot resume the transfer"))
    }

    private func giveUp(_ transfer: Transfer, _ error: HTTPError) {
        leave(transfer)
        transfer.fail(error)
    }

    /// The response is whole; what its body decodes to may have to wait for memory.
    private func conclude(_ transfer: Transfer, status: Int) {
        switch transfer.holdDecoded(status: status) {
        case .taken: transfer.succeed(status: status, nowNs: admission.nowNs)
        case .pause: decoding[transfer.id] = (transfer, status)
        case .refused: transfer.fail(transfer.refusal ?? transfer.failure(.overloaded, "no memory"))
        }
    }

    private func startHeld() {
        guard !held.isEmpty else { return }
        if !admission.slots.consumersAreBehind {
            // A few at a time: what they bring may put consumers behind again.
            for submission in held.take(atMost: configuration.bodySlots) { start(submission) }
        }
        held.endLate(nowNs: admission.nowNs)
    }

    private func pauseWaiting() {
        guard !admission.toPause.isEmpty else { return }
        let ids = admission.toPause
        admission.toPause.removeAll(keepingCapacity: true)
        for id in ids {
            guard let transfer = transfers[id], transfer.isWaiting, let easy = transfer.easy,
                !easy.pauseReceiving()
            else { continue }
            giveUp(transfer, transfer.failure(.other, "libcurl cannot pause the transfer"))
        }
    }

    private func finishPlain() {
        plain.endLate(nowNs: admission.nowNs)
        guard !plain.ended.isEmpty else { return }
        let ended = plain.ended
        plain.ended.removeAll(keepingCapacity: true)
        for (transfer, connections, ending) in ended {
            // Else it was ended for another reason meanwhile.
            guard transfers[transfer.id] === transfer else { continue }
            transfers[transfer.id] = nil
            switch ending {
            case .whole(let status):
                metrics.ended(connections: connections, error: nil)
                conclude(transfer, status: status)
            case .redirected(let location):
                metrics.ended(connections: connections, error: nil)
                follow(location, transfer)
            case .givenBack:
                metrics.ended(connections: connections, error: nil)
                transfer.giveUp()
                startWithCurl(transfer.submission)
            case .failed(let error):
                metrics.ended(connections: connections, error: error)
                transfer.fail(error)
            }
        }
    }

    /// Asks libcurl for what the redirect leads to, in what is left of the time.
    private func follow(_ location: String, _ transfer: Transfer) {
        do throws(HTTPError) {
            let next = try transfer.request.following(location)
            transfer.giveUp()
            startWithCurl(transfer.submission.asking(next))
        } catch {
            transfer.fail(error)
        }
    }

    private func finishDone() {
        guard !transfers.isEmpty else { return }
        while let (transfer, result) = multi.nextDone() {
            guard let outcome = transfer.easy?.outcome() else { continue }
            let error = transfer.fault(after: result, systemError: outcome.systemError)
            metrics.ended(connections: outcome.connections, error: error)
            leave(transfer, endedWell: error == nil)
            if let error, !transfer.isAnswered(status: outcome.status) {
                transfer.fail(error)
            } else {
                conclude(transfer, status: outcome.status)
            }
        }
    }

    /// Takes the transfer out of libcurl; its reply is still to be told.
    ///
    /// Only the handle of a transfer that went well is used again. After a fault libcurl may keep state that
    /// a reset does not clear: a refused redirect leaves the receive buffer, and every later
    /// CURLOPT_BUFFERSIZE is refused for it.
    private func leave(_ transfer: Transfer, endedWell: Bool = false) {
        transfers[transfer.id] = nil
        guard let easy = transfer.easy else { return plain.leave(transfer.id) }
        if let problem = multi.remove(easy) {
            // The handle is in an unknown state: dropped rather than used again.
            logger.error("libcurl does not let a transfer go", metadata: ["problem": "\(problem)"])
        } else if endedWell {
            handles.keep(easy)
        }
    }

    private func failAll(_ what: String) {
        logger.error("every transfer in flight was given up", metadata: ["problem": "\(what)"])
        for transfer in Array(transfers.values) { giveUp(transfer, transfer.failure(.other, what)) }
    }

    private func end(_ batch: SubmissionQueue.Batch) {
        let last = queue.close()
        let error = SubmissionQueue.shutDownError
        for submission in held.waiting + batch.submissions + last.submissions {
            submission.reply.end(.failure(error))
        }
        for entry in scheduled.removeAll() + batch.scheduled + last.scheduled {
            entry.exchange.end(.failure(error))
        }
        for transfer in Array(transfers.values) {
            giveUp(transfer, transfer.failure(.shutDown, "the HTTP client was shut down"))
        }
        for (transfer, _) in decoding.values {
            transfer.fail(transfer.failure(.shutDown, "the HTTP client was shut down"))
        }
        decoding.removeAll()
        holdings.report(plain: 0, curl: 0, handles: 0)
        metrics.report(inFlight: 0, waiting: 0, slotsInUse: 0, connections: 0)
    }
}
