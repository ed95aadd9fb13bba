import Addresses

/// One request on the plain way: where it stands between its name and its answer. Transfer thread only.
final class PlainRun {
    let transfer: Transfer
    /// The name in the URL; nil where that holds an address.
    let name: String?
    let port: UInt16
    /// The name must be looked up and a connection be there by then.
    var connectDeadlineNs: UInt64
    /// The connection that the request goes over; while none is there, those that are being made.
    var connections: [PlainConnection] = []
    /// Addresses that have not been tried.
    var untried: [PlainAddress] = []
    /// The addresses that the name had before the look-up that the request waits for.
    var old: [PlainAddress] = []
    /// When the next of `untried` is tried beside those that have not answered, or when `old` is used because
    /// the look-up has not answered.
    var nextTryNs = UInt64.max
    /// Why the last connection did not come about.
    var problem: (code: HTTPError.Code, text: String)?

    init(_ transfer: Transfer, name: String?, port: UInt16, connectDeadlineNs: UInt64) {
        self.transfer = transfer
        self.name = name
        self.port = port
        self.connectDeadlineNs = connectDeadlineNs
    }

    /// The connection that the request goes over; nil while none is there.
    var connection: PlainConnection? {
        guard let first = connections.first, !first.isConnecting else { return nil }
        return first
    }

    /// The request fails then.
    var deadlineNs: UInt64 { connection?.deadlineNs ?? connectDeadlineNs }

    /// Where the request may go.
    func places(_ found: [HostAddress]) -> [PlainAddress] {
        found.map { PlainAddress($0.address, port: port, scope: $0.scope) }
    }

    /// The request waits for the addresses of its name.
    var isLookingUp: Bool { connections.isEmpty && untried.isEmpty }

    /// The name has no address, in libcurl's words.
    var unresolved: HTTPError {
        transfer.failure(
            .resolve, "Could not resolve host: \(HTTPURL(transfer.request.url)?.writtenHost ?? "")")
    }

    /// epoll does not take the connection.
    var unwatched: HTTPError {
        transfer.failure(.other, "the kernel does not watch the connection any more")
    }
}
