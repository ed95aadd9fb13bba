import Addresses

/// Scrapes of the plain kind, without libcurl: `http`, an IPv4 address, a GET. That is what nearly all
/// scrapes of a fleet are, and libcurl takes for one several times what reading its body takes.
///
/// A request is made once. What kind of request goes this way is decided from the request alone, before it
/// is sent, and every answer is judged here, by the rules that `Transfer` has for libcurl's way too.
/// Only a kept connection that the server ended before a byte of an answer came is replaced and the request
/// made once more, as RFC 9112 §9.3.1 allows for a GET. Transfer thread only.
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

    private let watch: SocketWatch
    private let configuration: HTTPClientConfiguration
    private var request: PlainRequest
    private var connections: [Int32: PlainConnection] = [:]
    private var idle: [PlainAddress: [PlainConnection]] = [:]
    private var running: [UInt64: PlainConnection] = [:]
    private var bytes: [UInt8] = []
    /// For bytes that are read and then copied. Together with the 8 KiB that a body may hold before it needs
    /// a slot it is less than the 64 KiB that a body which waits for one may hold (`Transfer.waitingBytes`).
    private var scratch = [UInt8](repeating: 0, count: 32 << 10)
    private var nextPruneNs: UInt64 = 0
    /// No transfer's time is up before; may be too early.
    private(set) var nextDeadlineNs = UInt64.max
    /// Transfers that ended, with the connections made for them, for the loop to take.
    var ended: [(transfer: Transfer, connections: Int, ending: Ending)] = []

    init(watch: SocketWatch, configuration: HTTPClientConfiguration) {
        self.watch = watch
        self.configuration = configuration
        request = PlainRequest(userAgent: configuration.userAgent)
    }

    deinit { for connection in connections.values { _ = watch.remove(connection.descriptor) } }

    /// Begins a request that is of the plain kind; nil for every other.
    func begin(_ submission: Submission, _ admission: BodyAdmission) -> Transfer? {
        guard !configuration.usesProxyFromEnvironment, PlainRequest.isPlain(submission.request),
            let url = HTTPURL(submission.request.url)?.ipv4Destination
        else { return nil }
        let nowNs = admission.nowNs
        guard submission.deadlineNs > nowNs, request.write(submission.request, url, to: &bytes) else {
            return nil
        }
        let transfer = Transfer(submission, easy: nil, admission: admission)
        let address = PlainAddress(url)
        while let connection = takeIdle(address, nowNs) {
            if begin(transfer, on: connection, nowNs) { return transfer }
        }
        return connect(transfer, to: address, nowNs) ? transfer : nil
    }

    /// The kernel has something for a connection; false when it is not one of these.
    func ready(_ descriptor: Int32, isReadable: Bool, isWritable: Bool, nowNs: UInt64) -> Bool {
        guard let connection = connections[descriptor] else { return false }
        guard let transfer = connection.transfer else {
            // The server's end, or something nobody asked for.
            drop(connection)
            return true
        }
        let wantedToWrite = connection.wantsToWrite
        let event = connection.ready(
            isReadable: isReadable, isWritable: isWritable, deadlineNs: transfer.deadlineNs, &scratch)
        if wantedToWrite, !connection.wantsToWrite {
            guard watch.set(descriptor, readable: true, writable: false) == nil else {
                end(connection, transfer, .failed(Self.unwatched(transfer)))
                return true
            }
        }
        act(on: event, connection, transfer, nowNs)
        return true
    }

    /// Ends the transfers whose time is up, and closes connections that have idled for too long.
    func endLate(nowNs: UInt64) {
        // Here and not when a request begins: none does when the last target is gone.
        prune(nowNs)
        guard nowNs >= nextDeadlineNs else { return }
        nextDeadlineNs = .max
        for connection in Array(running.values) {
            guard connection.deadlineNs <= nowNs, let transfer = connection.transfer else {
                nextDeadlineNs = min(nextDeadlineNs, connection.deadlineNs)
                continue
            }
            let what = connection.isConnecting ? "no connection" : "no whole answer"
            let ms = (nowNs - min(nowNs, transfer.submittedNs)) / 1_000_000
            let text = transfer.timeoutText(
                "timed out: \(what) after \(ms) ms, \(transfer.body.count) bytes of body received")
            end(connection, transfer, .failed(transfer.failure(.timeout, text)))
        }
    }

    /// The transfer has got the slot or the memory that it waited for.
    func resume(_ id: UInt64, nowNs: UInt64) {
        guard let connection = running[id], let transfer = connection.transfer else { return }
        guard watch.set(connection.descriptor, readable: true, writable: false) == nil else {
            return end(connection, transfer, .failed(Self.unwatched(transfer)))
        }
        act(on: connection.resume(), connection, transfer, nowNs)
    }

    /// Forgets a transfer that the loop ends for reasons of its own.
    func leave(_ id: UInt64) {
        if let connection = running[id] { drop(connection) }
    }

    /// Connections open, the idle ones included.
    var connectionCount: Int { connections.count }

    /// Bytes that were read of bodies that have to wait, and that are charged to nobody meanwhile.
    var setAsideBytes: Int { running.values.reduce(0) { $0 + $1.setAsideBytes } }

    // MARK: -

    /// Begins a request over a connection of its own; false when none can be had.
    private func connect(_ transfer: Transfer, to address: PlainAddress, _ nowNs: UInt64) -> Bool {
        guard configuration.maxConnectionsPerHost == 0, connections.count < configuration.maxConnections,
            let connection = PlainConnection(address)
        else { return false }
        connections[connection.descriptor] = connection
        guard watch.set(connection.descriptor, readable: true, writable: true) == nil else {
            drop(connection)
            return false
        }
        return begin(transfer, on: connection, nowNs)
    }

    /// False when the connection is of no use, and is gone.
    private func begin(_ transfer: Transfer, on connection: PlainConnection, _ nowNs: UInt64) -> Bool {
        var deadlineNs = transfer.deadlineNs
        if connection.isConnecting {
            let connectNs = UInt64(max(1, configuration.connectTimeoutMs)) * 1_000_000
            deadlineNs = min(deadlineNs, nowNs + connectNs)
        }
        guard case .wait = connection.begin(transfer, bytes, deadlineNs: deadlineNs),
            !connection.wantsToWrite || connection.isConnecting
                || watch.set(connection.descriptor, readable: true, writable: true) == nil
        else {
            drop(connection)
            return false
        }
        running[transfer.id] = connection
        nextDeadlineNs = min(nextDeadlineNs, deadlineNs)
        return true
    }

    private func act(
        on event: PlainConnection.Event, _ connection: PlainConnection, _ transfer: Transfer, _ nowNs: UInt64
    ) {
        switch event {
        case .wait: break
        case .whole(let status): end(connection, transfer, .whole(status: status), nowNs: nowNs)
        case .redirected(let location):
            end(connection, transfer, .redirected(to: location), nowNs: nowNs)
        case .failed(let code, let what): end(connection, transfer, .failed(transfer.failure(code, what)))
        case .paused:
            if watch.set(connection.descriptor, readable: false, writable: false) != nil {
                end(connection, transfer, .failed(Self.unwatched(transfer)))
            }
        case .stale: askAgain(transfer, insteadOf: connection, nowNs)
        case .refused:
            let error = transfer.refusal ?? transfer.failure(.malformedResponse, "the answer was refused")
            end(connection, transfer, .failed(error))
        }
    }

    /// Nothing of an answer came over a connection that was kept: once more, over a new one.
    private func askAgain(_ transfer: Transfer, insteadOf old: PlainConnection, _ nowNs: UInt64) {
        drop(old)
        guard let url = HTTPURL(transfer.request.url)?.ipv4Destination,
            request.write(transfer.request, url, to: &bytes),
            connect(transfer, to: old.address, nowNs)
        else { return ended.append((transfer, 0, .givenBack)) }
    }

    private static func unwatched(_ transfer: Transfer) -> HTTPError {
        transfer.failure(.other, "the kernel does not watch the connection any more")
    }

    private func end(
        _ connection: PlainConnection, _ transfer: Transfer, _ ending: Ending, nowNs: UInt64 = 0
    ) {
        ended.append((transfer, connection.isKept || connection.isConnecting ? 0 : 1, ending))
        let isAnswered =
            switch ending {
            case .whole, .redirected: true
            case .givenBack, .failed: false
            }
        guard isAnswered, !connection.closes else { return drop(connection) }
        running[transfer.id] = nil
        connection.finish(nowNs: nowNs)
        idle[connection.address, default: []].append(connection)
    }

    private func drop(_ connection: PlainConnection) {
        if let id = connection.transfer?.id {
            running[id] = nil
        } else if let kept = idle[connection.address] {
            let others = kept.filter { $0 !== connection }
            idle[connection.address] = others.isEmpty ? nil : others
        }
        // A descriptor that epoll does not let go of leaves it when it is closed.
        _ = watch.remove(connection.descriptor)
        connections[connection.descriptor] = nil
    }

    private func takeIdle(_ address: PlainAddress, _ nowNs: UInt64) -> PlainConnection? {
        while let connection = idle[address]?.popLast() {
            if !isOld(connection, nowNs), connection.isQuiet { return connection }
            drop(connection)
        }
        return nil
    }

    private func isOld(_ connection: PlainConnection, _ nowNs: UInt64) -> Bool {
        let idleMs = (nowNs - min(nowNs, connection.idleSinceNs)) / 1_000_000
        return idleMs >= UInt64(max(0, configuration.idleConnectionMs))
    }

    /// Connections of targets that are gone must not stay for good.
    private func prune(_ nowNs: UInt64) {
        guard nowNs >= nextPruneNs else { return }
        nextPruneNs = nowNs + Self.pruneNs
        for kept in Array(idle.values) {
            for connection in kept where isOld(connection, nowNs) { drop(connection) }
        }
        for (address, kept) in idle where kept.isEmpty { idle[address] = nil }
    }
}
