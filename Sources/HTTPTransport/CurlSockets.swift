internal import CCurl
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Counts the sockets that libcurl has open for one client, and tells idle ones that it closes from others.
/// The transfer thread counts; any thread reads `openCount`.
final class CurlSockets: Sendable {
    private struct State {
        /// Sockets that libcurl has opened, or has given up watching, in its present call.
        var ofThisCall: [Int32] = []
        var isGivingUp = false
        var idleClosed = 0
    }

    private let open = Atomic<Int>(0)
    private let state = Mutex(State())

    /// Sockets open, connecting and idle ones included.
    var openCount: Int { open.load(ordering: .relaxed) }

    /// Idle ones that were closed, for whatever reason, since the last call. One whose transfer was paused,
    /// and ran out of time, is counted as well.
    func takeIdleClosed() -> Int {
        state.withLock { state in
            defer { state.idleClosed = 0 }
            return state.idleClosed
        }
    }

    /// libcurl does not wait for the socket any more: its transfer is over, or it is about to be closed.
    func unwatched(_ socket: Int32) { state.withLock { $0.ofThisCall.append(socket) } }

    /// A new call of libcurl begins.
    func beginCall() { state.withLock { $0.ofThisCall.removeAll(keepingCapacity: true) } }

    /// `body` gives a transfer up, which may be paused and so not watched: what closes is not idle.
    func giveUp<Result>(_ body: () -> Result) -> Result {
        state.withLock { $0.isGivingUp = true }
        defer { state.withLock { $0.isGivingUp = false } }
        return body()
    }

    /// Has the handle's sockets counted. Connections refer to this object until they are closed: it must live
    /// as long as the multi handle. False when libcurl refuses.
    func count(socketsOf easy: UnsafeMutableRawPointer) -> Bool {
        // Safety: see above; no reference is taken.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        return unsafe narthex_curl_set_socket_opened(easy, socketOpened, context) == CURLE_OK
            && narthex_curl_set_socket_closing(easy, socketClosing, context) == CURLE_OK
    }

    func opened(_ socket: Int32) {
        open.add(1, ordering: .relaxed)
        state.withLock { $0.ofThisCall.append(socket) }
    }

    /// A socket of a transfer is watched until just before it is closed, or was opened just before; an idle
    /// one has not been watched.
    func closing(_ socket: Int32) {
        open.subtract(1, ordering: .relaxed)
        state.withLock { state in
            if let index = state.ofThisCall.lastIndex(of: socket) {
                state.ofThisCall.remove(at: index)
            } else if !state.isGivingUp {
                state.idleClosed += 1
            }
        }
    }
}

/// libcurl's callback for a new socket.
private nonisolated func socketOpened(
    _ context: UnsafeMutableRawPointer?, _ socket: Int32, _ purpose: curlsocktype
) -> Int32 {
    guard let context = unsafe context else { return Int32(CURL_SOCKOPT_OK) }
    // Safety: the counter outlives the multi handle's connections.
    unsafe Unmanaged<CurlSockets>.fromOpaque(context).takeUnretainedValue().opened(socket)
    return Int32(CURL_SOCKOPT_OK)
}

/// libcurl's callback for a socket that is to be closed.
private nonisolated func socketClosing(_ context: UnsafeMutableRawPointer?, _ socket: Int32) -> Int32 {
    // Safety: as above.
    if let context = unsafe context {
        unsafe Unmanaged<CurlSockets>.fromOpaque(context).takeUnretainedValue().closing(socket)
    }
    return close(socket)
}
