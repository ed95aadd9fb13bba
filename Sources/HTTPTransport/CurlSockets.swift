internal import CCurl
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Counts the sockets that libcurl has open for one client, and tells idle ones that it closes from others.
/// The transfer thread counts; any thread reads `openCount`.
final class CurlSockets: Sendable {
    private let open = Atomic<Int>(0)
    /// The socket that libcurl gave up watching last, since `forgetUnwatched`.
    private let unwatched = Atomic<Int32>(-1)
    private let idleClosed = Atomic<Int>(0)

    /// Sockets open, connecting and idle ones included.
    var openCount: Int { open.load(ordering: .relaxed) }

    /// Idle ones that were closed, since the last call.
    func takeIdleClosed() -> Int { idleClosed.exchange(0, ordering: .relaxed) }

    /// libcurl does not wait for the socket any more: its transfer is over, or it is about to be closed.
    func unwatched(_ socket: Int32) { unwatched.store(socket, ordering: .relaxed) }

    /// A new call of libcurl begins.
    func forgetUnwatched() { unwatched.store(-1, ordering: .relaxed) }

    /// Has the handle's sockets counted. Connections refer to this object until they are closed: it must live
    /// as long as the multi handle. False when libcurl refuses.
    func count(socketsOf easy: UnsafeMutableRawPointer) -> Bool {
        // Safety: see above; no reference is taken.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        return unsafe narthex_curl_set_socket_opened(easy, socketOpened, context) == CURLE_OK
            && narthex_curl_set_socket_closing(easy, socketClosing, context) == CURLE_OK
    }

    fileprivate func opened() { open.add(1, ordering: .relaxed) }

    /// A socket of a transfer is watched until just before it is closed; an idle one has not been watched.
    fileprivate func closing(_ socket: Int32) {
        open.subtract(1, ordering: .relaxed)
        if unwatched.load(ordering: .relaxed) != socket { idleClosed.add(1, ordering: .relaxed) }
    }
}

/// libcurl's callback for a new socket.
private nonisolated func socketOpened(
    _ context: UnsafeMutableRawPointer?, _ socket: Int32, _ purpose: curlsocktype
) -> Int32 {
    guard let context = unsafe context else { return Int32(CURL_SOCKOPT_OK) }
    // Safety: the counter outlives the multi handle's connections.
    unsafe Unmanaged<CurlSockets>.fromOpaque(context).takeUnretainedValue().opened()
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
