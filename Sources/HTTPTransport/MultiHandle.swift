internal import CCurl

/// libcurl's multi handle: the connections of one client. Everything but `wake` belongs to the transfer thread.
@safe final class MultiHandle: @unchecked Sendable {
    // @unchecked: curl_multi_wakeup may be called from any thread; the rest only from the transfer thread.
    private let pointer: UnsafeMutableRawPointer

    /// Nil when libcurl has no memory for it.
    init?(configuration: HTTPClientConfiguration) {
        guard let pointer = unsafe curl_multi_init() else { return nil }
        unsafe self.pointer = pointer
        let options: [(CURLMoption, Int)] = [
            (CURLMOPT_MAXCONNECTS, configuration.maxConnections),
            (CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.maxConnections),
            (CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maxConnectionsPerHost),
            (CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)),
        ]
        for (option, value) in options {
            // Safety: the handle is alive and the options take a long.
            guard unsafe narthex_curl_multi_set_long(pointer, option, value) == CURLM_OK else { return nil }
        }
    }

    deinit {
        // Every easy handle has been removed before: the thread ends all transfers first.
        unsafe curl_multi_cleanup(pointer)
    }

    /// Makes `poll` return. Any thread. False when the wake could not be delivered.
    func wake() -> Bool { unsafe curl_multi_wakeup(pointer) == CURLM_OK }

    /// Adds a transfer; the text of the failure, or nil.
    func add(_ easy: EasyHandle) -> String? { unsafe text(curl_multi_add_handle(pointer, easy.pointer)) }

    /// Takes a transfer out, finished or not; its callbacks are not called any more.
    func remove(_ easy: EasyHandle) -> String? { unsafe text(curl_multi_remove_handle(pointer, easy.pointer)) }

    /// Does what can be done without waiting.
    func perform() -> String? {
        var running: Int32 = 0
        return unsafe text(curl_multi_perform(pointer, &running))
    }

    /// Waits for a socket, a timer of libcurl's, `wake`, or the time given.
    func poll(timeoutMs: Int32) -> String? {
        unsafe text(curl_multi_poll(pointer, nil, 0, timeoutMs, nil))
    }

    /// The next finished transfer and how it went.
    func nextDone() -> (transfer: Transfer, result: CURLcode)? {
        while true {
            var result = CURLE_OK
            guard let easy = unsafe narthex_curl_next_done(pointer, &result) else { return nil }
            var context: UnsafeMutableRawPointer?
            let status = unsafe narthex_curl_get_pointer(easy, CURLINFO_PRIVATE, &context)
            precondition(status == CURLE_OK, "every easy handle carries its transfer")
            guard let context = unsafe context else { continue }
            // Safety: the loop keeps a transfer alive as long as its easy handle is in the multi handle.
            return unsafe (Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(), result)
        }
    }

    private func text(_ code: CURLMcode) -> String? {
        // Safety: curl_multi_strerror returns static text.
        code == CURLM_OK ? nil : unsafe String(cString: curl_multi_strerror(code))
    }
}
