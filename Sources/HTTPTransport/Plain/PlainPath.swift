import Addresses

#if canImport(Glibc)
import Glibc
#endif

/// Scrapes of the plain kind, without libcurl: `http` and a GET. That is what nearly all scrapes of a fleet
/// are, and libcurl takes for one several times what reading its body takes.
///
/// A request is made once. What kind of request goes this way is decided from the request alone, before it
/// is sent, and every answer is judged here, by the rules that `Transfer` has for libcurl's way too.
/// Only a kept connection that the server ended before a byte of an answer came is replaced and the request
/// made once more, as RFC 9112 §9.3.1 allows for a GET.
///
/// A name is looked up on other threads (`HostLookup`). Of several addresses each has a head start before the
/// next is tried beside it, and the first connection that is there carries the request (RFC 8305). Transfer
/// thread only.
final class PlainPath {
    /// How a transfer ended.
    enum Ending {
        case whole(status: Int)
        /// The answer leads elsewhere, to what its Location says.
        case redirected(to: String)
        /// No byte of an answer came and no connection can be had here; libcurl is to make the request.
        case givenBack
        case failed(HTTPError)
    }

    private static let pruneNs: UInt64 = 60_000_000_000
    /// What an address has before the next one is tried beside it: as in libcurl.
    static let headStartNs: UInt64 = 200_000_000
    /// Connections that are made at once for one request.
    static let attemptsAtOnce = 3
    /// While so many go on, the oldest gives way to the next address after this time. It is 1.4 s old then,
    /// and a first packet that was lost is sent again after 1 s (RFC 6298).
    static let silentNs: UInt64 = 1_000_000_000

    private let watch: SocketWatch
    private let configuration: HTTPClientConfiguration
    private var request: PlainRequest
    private var lookup: HostLookup
    /// By names that are being looked up: the requests that wait for it.
    private var lookingUp: [String: [UInt64]] = [:]
    private var connections: [Int32: PlainConnection] = [:]
    private var idle = IdleConnections()
    private var running: [UInt64: PlainRun] = [:]
    private var bytes: [UInt8] = []
    /// For bytes that are read and then copied. Together with the 8 KiB that a body may hold before it needs
    /// a slot it is less than the 64 KiB that a body which waits for one may hold (`Transfer.waitingBytes`).
    private var scratch = [UInt8](repeating: 0, count: 32 << 10)
    private var nextPruneNs: UInt64 = 0
    /// Nothing is to be done by the clock before; may be too early.
    private(set) var nextDeadlineNs = UInt64.max
    /// Transfers that ended, with the connections made for them, for the loop to take.
    var ended: [(transfer: Transfer, connections: Int, ending: Ending)] = []

    /// `find` looks a name in lower case up, blocks, and gives no address when that fails.
    init(
        watch: SocketWatch, configuration: HTTPClientConfiguration,
        find: @escaping @Sendable (_ name: String) -> [HostAddress] = HostAddresses.find
    ) {
        self.watch = watch
        self.configuration = configuration
        request = PlainRequest(userAgent: configuration.userAgent)
        // A wake that fails is told by the next; a request that waits has its deadline.
        lookup = HostLookup(LookupThreads(find: find) { _ = watch.wake() })
    }

    deinit { for connection in connections.values { _ = watch.remove(connection.descriptor) } }

    /// Begins a request that is of the plain kind; nil for every other.
    func begin(_ submission: Submission, _ admission: BodyAdmission) -> Transfer? {
        guard !configuration.usesProxyFromEnvironment, PlainRequest.isPlain(submission.request),
            let url = HTTPURL(submission.request.url)?.plainDestination
        else { return nil }
        let nowNs = admission.nowNs
        guard submission.deadlineNs > nowNs, request.write(submission.request, url, to: &bytes) else {
            return nil
        }
        let name: String?
        var addresses: [PlainAddress] = []
        switch url.place {
        case .address(let address, let zone):
            // libcurl has words for an interface that there is not.
            guard let scope = zone.map({ HostAddresses.scope(ofZone: $0) }) ?? 0 else { return nil }
            addresses = [PlainAddress(address, port: url.port, scope: scope)]
            name = nil
        case .name(let host): name = host
        }
        let transfer = Transfer(submission, easy: nil, admission: admission)
        let run = PlainRun(
            transfer, name: name, port: url.port, connectDeadlineNs: connectDeadlineNs(transfer, nowNs))
        if let name {
            switch lookup.look(name, nowNs: nowNs) {
            case .addresses(let found): addresses = run.places(found)
            case .failed:
                ended.append((transfer, 0, .failed(run.unresolved)))
                return transfer
            case .expired(let old):
                run.old = run.places(old)
                run.nextTryNs = nowNs + HostLookup.patienceNs
                fallthrough
            case .pending:
                wait(run, for: name)
                return transfer
            }
        }
        return go(run, to: addresses, nowNs) ? transfer : nil
    }

    /// The kernel has something for a connection; false when it is not one of these.
    func ready(_ descriptor: Int32, isReadable: Bool, isWritable: Bool, nowNs: UInt64) -> Bool {
        guard let connection = connections[descriptor] else { return false }
        guard let transfer = connection.transfer, let run = running[transfer.id] else {
            // The server's end, or something nobody asked for.
            drop(connection)
            return true
        }
        let wasConnecting = connection.isConnecting
        let wantedToWrite = connection.wantsToWrite
        let event = connection.ready(
            isReadable: isReadable, isWritable: isWritable, deadlineNs: transfer.deadlineNs, &scratch)
        if wasConnecting {
            if case .failed(let code, let text) = event, connection.isConnecting {
                run.problem = (code, text)
                tryOthers(run, insteadOf: connection, nowNs)
                return true
            }
            if !connection.isConnecting { settle(run, on: connection) }
        }
        if wantedToWrite, !connection.wantsToWrite {
            guard watch.set(descriptor, readable: true, writable: false) == nil else {
                end(run, .failed(run.unwatched))
                return true
            }
        }
        act(on: event, run, nowNs)
        return true
    }

    /// Does what the clock says: takes names that were looked up, tries further addresses, ends the transfers
    /// whose time is up, and closes connections that have idled for too long.
    func endLate(nowNs: UInt64) {
        for (name, addresses) in lookup.takeFound(nowNs: nowNs) { found(name, addresses, nowNs) }
        // Here and not when a request begins: none does when the last target is gone.
        prune(nowNs)
        guard nowNs >= nextDeadlineNs else { return }
        nextDeadlineNs = .max
        for run in Array(running.values) {
            guard run.deadlineNs <= nowNs else {
                if run.nextTryNs <= nowNs { tryFurther(run, nowNs) }
                nextDeadlineNs = min(nextDeadlineNs, run.deadlineNs, run.nextTryNs)
                continue
            }
            let transfer = run.transfer
            let what = run.connection == nil ? "no connection" : "no whole answer"
            let ms = (nowNs - min(nowNs, transfer.submittedNs)) / 1_000_000
            let text = transfer.timeoutText(
                "timed out: \(what) after \(ms) ms, \(transfer.body.count) bytes of body received")
            end(run, .failed(transfer.failure(.timeout, text)))
        }
    }

    /// The transfer has got the slot or the memory that it waited for.
    func resume(_ id: UInt64, nowNs: UInt64) {
        guard let run = running[id], let connection = run.connection else { return }
        guard watch.set(connection.descriptor, readable: true, writable: false) == nil else {
            return end(run, .failed(run.unwatched))
        }
        act(on: connection.resume(), run, nowNs)
    }

    /// Forgets a transfer that the loop ends for reasons of its own.
    func leave(_ id: UInt64) {
        guard let run = running.removeValue(forKey: id) else { return }
        for connection in run.connections { drop(connection) }
    }

    /// Closes the connections that no request uses; how many there were.
    func closeIdle() -> Int {
        let kept = idle.all
        for connection in kept { drop(connection) }
        return kept.count
    }

    /// Connections open, the idle ones included.
    var connectionCount: Int { connections.count }

    /// Names that are known or are being looked up.
    var nameCount: Int { lookup.count }

    /// Bytes that were read of bodies that have to wait, and that are charged to nobody meanwhile.
    var setAsideBytes: Int { running.values.reduce(0) { $0 + ($1.connection?.setAsideBytes ?? 0) } }

    // MARK: - Connecting

    /// The request waits until its name has been looked up.
    private func wait(_ run: PlainRun, for name: String) {
        running[run.transfer.id] = run
        lookingUp[name, default: []].append(run.transfer.id)
        nextDeadlineNs = min(nextDeadlineNs, run.deadlineNs, run.nextTryNs)
    }

    /// The look-up of the name, or the connection that is being made, takes long.
    private func tryFurther(_ run: PlainRun, _ nowNs: UInt64) {
        guard run.isLookingUp else {
            _ = connect(run, nowNs)
            return
        }
        run.nextTryNs = .max
        if !write(run) || !go(run, to: run.old, nowNs) { end(run, .givenBack) }
    }

    /// A name was looked up.
    private func found(_ name: String, _ addresses: [HostAddress], _ nowNs: UInt64) {
        for id in lookingUp.removeValue(forKey: name) ?? [] {
            // Else it has ended meanwhile.
            guard let run = running[id], run.isLookingUp else { continue }
            guard !addresses.isEmpty else {
                end(run, .failed(run.unresolved))
                continue
            }
            guard write(run), go(run, to: run.places(addresses), nowNs) else {
                end(run, .givenBack)
                continue
            }
        }
    }

    /// Begins a request, written before, over a connection that was kept or over a new one; false when none
    /// can be had.
    private func go(_ run: PlainRun, to addresses: [PlainAddress], _ nowNs: UInt64) -> Bool {
        for address in addresses {
            let place = PlainPlace(address: address, name: run.name)
            while let connection = takeIdle(place, nowNs) {
                if begin(run, on: connection) { return true }
            }
        }
        run.untried = addresses
        return connect(run, nowNs)
    }

    /// Begins to connect to the next address that takes it; false when there is none.
    private func connect(_ run: PlainRun, _ nowNs: UInt64) -> Bool {
        run.nextTryNs = .max
        guard !run.untried.isEmpty, configuration.maxConnectionsPerHost == 0, write(run) else { return false }
        if run.connections.count >= Self.attemptsAtOnce { drop(run.connections.removeFirst()) }
        while let address = run.untried.first {
            guard connections.count < configuration.maxConnections else {
                // The address stays: there may be room before the attempts that go on have ended.
                planNextTry(run, nowNs)
                return false
            }
            run.untried.removeFirst()
            guard let connection = PlainConnection(address, name: run.name) else {
                run.problem = (.connect, "no connection: \(PlainConnection.text(errno))")
                continue
            }
            connections[connection.descriptor] = connection
            guard watch.set(connection.descriptor, readable: true, writable: true) == nil else {
                drop(connection)
                continue
            }
            guard begin(run, on: connection) else { continue }
            planNextTry(run, nowNs)
            return true
        }
        return false
    }

    /// The next address has its turn when the attempts that go on have had their time.
    private func planNextTry(_ run: PlainRun, _ nowNs: UInt64) {
        guard !run.untried.isEmpty, !run.connections.isEmpty else { return }
        let isFull = run.connections.count >= Self.attemptsAtOnce
        run.nextTryNs = nowNs + (isFull ? Self.silentNs : Self.headStartNs)
        nextDeadlineNs = min(nextDeadlineNs, run.nextTryNs)
    }

    private func connectDeadlineNs(_ transfer: Transfer, _ nowNs: UInt64) -> UInt64 {
        min(transfer.deadlineNs, nowNs + UInt64(max(1, configuration.connectTimeoutMs)) * 1_000_000)
    }

    /// Writes the request anew: other requests have been written since.
    private func write(_ run: PlainRun) -> Bool {
        guard let url = HTTPURL(run.transfer.request.url)?.plainDestination else { return false }
        return request.write(run.transfer.request, url, to: &bytes)
    }

    /// False when the connection is of no use, and is gone.
    private func begin(_ run: PlainRun, on connection: PlainConnection) -> Bool {
        let transfer = run.transfer
        let deadlineNs = connection.isConnecting ? run.connectDeadlineNs : transfer.deadlineNs
        guard case .wait = connection.begin(transfer, bytes, deadlineNs: deadlineNs),
            !connection.wantsToWrite || connection.isConnecting
                || watch.set(connection.descriptor, readable: true, writable: true) == nil
        else {
            drop(connection)
            return false
        }
        running[transfer.id] = run
        run.connections.append(connection)
        nextDeadlineNs = min(nextDeadlineNs, deadlineNs)
        return true
    }

    /// A connection did not come about.
    private func tryOthers(_ run: PlainRun, insteadOf failed: PlainConnection, _ nowNs: UInt64) {
        run.connections.removeAll { $0 === failed }
        drop(failed)
        guard !connect(run, nowNs), run.connections.isEmpty else { return }
        // Addresses that are left could not be tried here.
        guard run.untried.isEmpty, let problem = run.problem else { return end(run, .givenBack) }
        end(run, .failed(run.transfer.failure(problem.code, problem.text)))
    }

    /// The first connection that is there carries the request.
    private func settle(_ run: PlainRun, on connection: PlainConnection) {
        run.untried = []
        run.nextTryNs = .max
        for other in run.connections where other !== connection { drop(other) }
        run.connections = [connection]
    }

    /// Nothing of an answer came over a connection that was kept: once more, over a new one. The server of a
    /// name may have left the address; then the name's other addresses have their turns.
    private func askAgain(_ run: PlainRun, insteadOf old: PlainConnection, _ nowNs: UInt64) {
        run.connections = []
        drop(old)
        let address = old.place.address
        run.untried = [address]
        if let name = run.name { run.untried += run.places(lookup.last(name)).filter { $0 != address } }
        run.connectDeadlineNs = connectDeadlineNs(run.transfer, nowNs)
        if !connect(run, nowNs) { end(run, .givenBack) }
    }

    // MARK: - Carrying

    private func act(on event: PlainConnection.Event, _ run: PlainRun, _ nowNs: UInt64) {
        switch event {
        case .wait: break
        case .whole(let status): end(run, .whole(status: status), nowNs: nowNs)
        case .redirected(let location): end(run, .redirected(to: location), nowNs: nowNs)
        case .failed(let code, let what): end(run, .failed(run.transfer.failure(code, what)))
        case .paused:
            guard let connection = run.connection else { return }
            if watch.set(connection.descriptor, readable: false, writable: false) != nil {
                end(run, .failed(run.unwatched))
            }
        case .stale: if let connection = run.connection { askAgain(run, insteadOf: connection, nowNs) }
        case .refused:
            let transfer = run.transfer
            let error = transfer.refusal ?? transfer.failure(.malformedResponse, "the answer was refused")
            end(run, .failed(error))
        }
    }

    private func end(_ run: PlainRun, _ ending: Ending, nowNs: UInt64 = 0) {
        running[run.transfer.id] = nil
        let connection = run.connection
        if connection == nil, let name = run.name, case .failed = ending { lookup.expire(name) }
        ended.append((run.transfer, connection?.isKept == false ? 1 : 0, ending))
        let isAnswered =
            switch ending {
            case .whole, .redirected: true
            case .givenBack, .failed: false
            }
        guard let connection, isAnswered, !connection.closes else {
            for connection in run.connections { drop(connection) }
            return
        }
        connection.finish(nowNs: nowNs)
        idle.add(connection)
    }

    private func drop(_ connection: PlainConnection) {
        if connection.transfer == nil { idle.remove(connection) }
        // A descriptor that epoll does not let go of leaves it when it is closed.
        _ = watch.remove(connection.descriptor)
        connections[connection.descriptor] = nil
    }

    private func takeIdle(_ place: PlainPlace, _ nowNs: UInt64) -> PlainConnection? {
        while let connection = idle.take(place) {
            if !connection.hasIdled(forMs: configuration.idleConnectionMs, nowNs: nowNs), connection.isQuiet {
                return connection
            }
            drop(connection)
        }
        return nil
    }

    /// Connections of targets that are gone must not stay for good, nor what was known of their names.
    private func prune(_ nowNs: UInt64) {
        guard nowNs >= nextPruneNs else { return }
        nextPruneNs = nowNs + Self.pruneNs
        lookup.prune(nowNs: nowNs)
        let idleMs = configuration.idleConnectionMs
        for connection in idle.all where connection.hasIdled(forMs: idleMs, nowNs: nowNs) { drop(connection) }
    }
}
