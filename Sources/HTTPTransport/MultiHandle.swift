internal import CCurl
internal import Platform

/// libcurl's multi handle: the connections of one client. Everything but `wake` belongs to the transfer
/// thread.
///
/// Driven socket by socket over epoll: with curl_multi_perform and poll each event would cost time for every
/// transfer in flight, and thousands of hung targets would eat the processor that the others need.
@safe final class MultiHandle: @unchecked Sendable {  // One thread uses it; any may `wake` it.
    // @unchecked: `wake` uses only the watch's descriptor; the rest is only for the transfer thread.
    private let pointer: UnsafeMutableRawPointer
    /// The client's other sockets are waited for with libcurl's.
    let watch: SocketWatch
    /// Those that libcurl has open.
    let sockets = CurlSockets()
    private let clock = SystemClock()
    /// When libcurl wants to be called at the latest; nil when it does not.
    private var deadlineNs: UInt64?
    /// A socket that could not be watched; told with the next turn.
    private var watchProblem: String?

    /// Nil when libcurl or the kernel has no memory or descriptor for it.
    init?(configuration: HTTPClientConfiguration) {
        guard let watch = SocketWatch(), let pointer = unsafe curl_multi_init() else { return nil }
        self.watch = watch
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
        // Safety: libcurl calls back only from calls this object makes, the last of them in deinit.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let status = unsafe narthex_curl_multi_set_watchers(pointer, socketChanged, timerChanged, context)
        guard status == CURLM_OK else { return nil }
    }

    deinit {
        // Every easy handle has been removed before: the thread ends all transfers first. libcurl closes idle
        // connections here and must not call into an object that is going.
        _ = unsafe narthex_curl_multi_set_watchers(pointer, nil, nil, nil)
        unsafe curl_multi_cleanup(pointer)
    }

    /// Makes `turn` return. Any thread. False when the wake could not be delivered.
    func wake() -> Bool { watch.wake() }

    /// Adds a transfer; the text of the failure, or nil.
    func add(_ easy: EasyHandle) -> String? { unsafe text(curl_multi_add_handle(pointer, easy.pointer)) }

    /// Takes a transfer out, finished or not; its callbacks are not called any more.
    func remove(_ easy: EasyHandle) -> String? {
        unsafe text(curl_multi_remove_handle(pointer, easy.pointer))
    }

    /// Has libcurl close connections that have idled for too long while memory is scarce (`RelaxWindow`). It
    /// looks for them when a request begins, so one begins here that connects to nothing. The text of a
    /// failure, or nil.
    func closeIdle() -> String? {
        guard let easy = EasyHandle(), easy.prepareForLook(mostIdleSeconds: RelaxWindow.mostIdleSeconds)
        else {
            return "no memory for a handle"
        }
        if let problem = add(easy) { return problem }
        sockets.forgetUnwatched()
        var running: Int32 = 0
        let problem = unsafe text(narthex_curl_multi_timeout_reached(pointer, &running))
        return remove(easy) ?? problem
    }

    /// Waits for sockets, libcurl's timer, `wake`, or the time given, and lets libcurl do what is to be done.
    /// `others` is told what happened on a socket and says whether it was one of its own. The text of a
    /// failure after which nothing can be relied upon, or nil.
    func turn(
        waitAtMostMs: Int32, others: (_ descriptor: Int32, _ isReadable: Bool, _ isWritable: Bool) -> Bool
    ) -> String? {
        var running: Int32 = 0
        var problem: String?
        let failure = watch.wait(timeoutMs: timeoutMs(atMost: waitAtMostMs)) {
            descriptor, isReadable, isWritable in
            if others(descriptor, isReadable, isWritable) { return }
            var ready: Int32 = isReadable ? CURL_CSELECT_IN : 0
            if isWritable { ready |= CURL_CSELECT_OUT }
            sockets.forgetUnwatched()
            let code = unsafe curl_multi_socket_action(pointer, descriptor, ready, &running)
            if let text = text(code) { problem = text }
        }
        if let deadlineNs, clock.monotonicNs >= deadlineNs {
            self.deadlineNs = nil
            sockets.forgetUnwatched()
            if let text = unsafe text(narthex_curl_multi_timeout_reached(pointer, &running)) {
                problem = text
            }
        }
        defer { watchProblem = nil }
        return failure ?? problem ?? watchProblem
    }

    /// libcurl waits for other events on a socket, or for none any more.
    fileprivate func watchSocket(_ descriptor: Int32, what: Int32) {
        if what == CURL_POLL_REMOVE { sockets.unwatched(descriptor) }
        let problem =
            what == CURL_POLL_REMOVE
            ? watch.remove(descriptor)
            : watch.set(
                descriptor, readable: what == CURL_POLL_IN || what == CURL_POLL_INOUT,
                writable: what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        if let problem { watchProblem = problem }
    }

    /// libcurl wants to be called in `timeoutMs` milliseconds; negative: not at all.
    fileprivate func setTimer(_ timeoutMs: Int) {
        deadlineNs = timeoutMs < 0 ? nil : clock.monotonicNs + UInt64(timeoutMs) * 1_000_000
    }

    /// Rounded up, or the last millisecond before a deadline would be spent turning.
    private func timeoutMs(atMost limitMs: Int32) -> Int32 {
        guard let deadlineNs else { return limitMs }
        let nowNs = clock.monotonicNs
        guard deadlineNs > nowNs else { return 0 }
        return Int32(min(UInt64(limitMs), (deadlineNs - nowNs + 999_999) / 1_000_000))
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

/// libcurl's socket callback.
private nonisolated func socketChanged(
    _ easy: UnsafeMutableRawPointer?, _ descriptor: Int32, _ what: Int32, _ context: UnsafeMutableRawPointer?,
    _ socketContext: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context = unsafe context else { return 0 }
    // Safety: the context is the multi handle's owner, alive while it calls libcurl.
    unsafe Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue().watchSocket(
        descriptor, what: what)
    return 0
}

/// libcurl's timer callback.
private nonisolated func timerChanged(
    _ multi: UnsafeMutableRawPointer?, _ timeoutMs: Int, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context = unsafe context else { return 0 }
    // Safety: as for the sockets.
    unsafe Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue().setTimer(timeoutMs)
    return 0
}
