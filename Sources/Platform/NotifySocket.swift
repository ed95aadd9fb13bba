internal import CPlatform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The socket on which a service manager hears how its service is, by the protocol of sd_notify(3): each
/// message is a datagram of `NAME=value` lines. All go through one descriptor, opened at the start: a process
/// that has no more files to open can still tell how it is.
public final class NotifySocket: Sendable {
    /// What a message may tell.
    public enum Line: Sendable, Equatable {
        /// The start, or a reload, is over.
        case ready
        /// A reload has begun, at this time of CLOCK_MONOTONIC in microseconds.
        case reloading(atUs: UInt64)
        case stopping
        /// The service is alive: the time of its watchdog begins anew.
        case watchdog
        /// How it is, for people.
        case status(String)
        /// The start or the stop that goes on may take this many microseconds from now.
        case extendTimeout(us: UInt64)
    }

    /// Why a message was not sent.
    public struct Fault: Error, Sendable, Equatable {
        /// For people: what is wrong.
        public let message: String
        /// The manager has no room for another message now, or this process none for another descriptor:
        /// it is to be sent again.
        public let isForNow: Bool

        init(message: String, isForNow: Bool) {
            self.message = message
            self.isForNow = isForNow
        }

        /// Of a call that failed with this number.
        init(code: Int32) {
            // Safety: strerror's text is copied at once; it is never nil for a number.
            let why = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            message = "the socket that NOTIFY_SOCKET names cannot be written to: \(why)"
            isForNow = [EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE].contains(code)
        }
    }

    /// systemd drops messages of more than 4,096 bytes (NOTIFY_BUFFER_MAX); a status shares one with others.
    static let statusLimitBytes = 1_024

    private let address: [UInt8]
    /// Not connected: a manager that is started anew makes its socket anew. Nil where there was none to be
    /// had yet.
    private let descriptor: Mutex<Int32?>

    /// The socket that NOTIFY_SOCKET names: an absolute path, or `@` and a name of the abstract namespace.
    /// Throws what is wrong with any other text, such as a `vsock:` address, which only virtual machines get.
    public init(_ variable: String) throws(Fault) {
        var address = Array(variable.utf8)
        guard let first = address.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            address.count > 1, address.count <= 108, !address.contains(0)
        else {
            throw Fault(
                message:
                    "NOTIFY_SOCKET is \"\(VisibleText.shown(variable))\", which is neither the path of a "
                    + "socket nor @ and a name, of 108 bytes at most",
                isForNow: false)
        }
        if first == UInt8(ascii: "@") { address[0] = 0 }
        self.address = address
        let opened = narthex_open_datagram()
        descriptor = Mutex(opened < 0 ? nil : opened)
    }

    deinit {
        if let descriptor = descriptor.withLock({ $0 }) { close(descriptor) }
    }

    /// Sends one message and does not wait.
    public func send(_ lines: [Line]) throws(Fault) {
        let message = Array(Self.text(lines).utf8)
        try descriptor.withLock { descriptor throws(Fault) in
            let open = descriptor ?? narthex_open_datagram()
            guard open >= 0 else { throw Fault(code: errno) }
            descriptor = open
            // Safety: both pointers are used within the call, each with its array's own length.
            guard
                unsafe narthex_send_datagram(open, address, address.count, message, message.count) == 0
            else { throw Fault(code: errno) }
        }
    }

    /// The lines as they are sent.
    static func text(_ lines: [Line]) -> String {
        lines.map { line in
            switch line {
            case .ready: "READY=1"
            case .reloading(let us): "RELOADING=1\nMONOTONIC_USEC=\(us)"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .status(let text): "STATUS=\(cut(VisibleText.shown(text)))"
            case .extendTimeout(let us): "EXTEND_TIMEOUT_USEC=\(us)"
            }
        }.joined(separator: "\n")
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > statusLimitBytes else { return text }
        var kept = ""
        for character in text {
            guard kept.utf8.count + character.utf8.count + "…".utf8.count <= statusLimitBytes else { break }
            kept.append(character)
        }
        return kept + "…"
    }
}
