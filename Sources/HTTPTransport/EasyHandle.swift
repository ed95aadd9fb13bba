internal import CCurl

/// One of libcurl's transfers: configured for a request and used again, for the next of the same kind as it
/// is. Transfer thread only.
@safe final class EasyHandle {
    /// libcurl's own; `MultiHandle` alone uses it besides this class.
    let pointer: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var headerList: UnsafeMutablePointer<curl_slist>?
    /// What the request asked for beyond the client's own way of connecting; kept for what libcurl refers to.
    var applied: AppliedConnection?
    /// What the handle is configured for; nil when it has been reset.
    private var configured: HTTPRequest?
    private var receiveBytes = 0
    private var mostIdleSeconds = 0
    /// Counts the sockets that it opens.
    private let sockets: CurlSockets?

    /// Nil when libcurl has no memory for it. What counts its sockets must live as long as the multi handle.
    init?(countedBy sockets: CurlSockets? = nil) {
        self.sockets = sockets
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        // Safety: the handle goes before what it points to.
        unsafe curl_easy_cleanup(pointer)
        unsafe curl_slist_free_all(headerList)
        unsafe errorText.deallocate()
    }

    /// Forgets the request, keeps the handle.
    func reset() {
        unsafe curl_easy_reset(pointer)
        unsafe curl_slist_free_all(headerList)
        unsafe headerList = nil
        applied = nil
        configured = nil
        receiveBytes = 0
        mostIdleSeconds = 0
        unsafe errorText[0] = 0
    }

    /// Whether the handle is configured as `request` needs it: thirty options and their copies are then left
    /// as they are. Only URL, time limit, body limit, body and headers may differ, as for the next target of
    /// a job or the next request to a destination. What is set for a `connection` depends on the URL, so a
    /// request that has one needs a handle that is configured for the same object and the same URL.
    func isConfigured(for request: HTTPRequest) -> Bool {
        guard let configured, request.method == configured.method,
            request.connection === configured.connection
        else { return false }
        if request.connection != nil {
            // Strings may be equal that differ in bytes.
            guard request.url.utf8.elementsEqual(configured.url.utf8) else { return false }
        }
        var other = request
        other.url = configured.url
        other.timeoutMs = configured.timeoutMs
        other.bodyLimitBytes = configured.bodyLimitBytes
        other.headers = configured.headers
        other.body = configured.body
        return other == configured
    }

    /// Makes the handle fit to be kept: lets go of what only its last request needed. Of a request with a
    /// body these are the body and the headers, which are signed for it.
    func finish() {
        guard let configured else { return reset() }
        unsafe errorText[0] = 0
        guard configured.method != .get else { return }
        guard unsafe setPointer(CURLOPT_HTTPHEADER, nil) == CURLE_OK,
            unsafe setPointer(CURLOPT_COPYPOSTFIELDS, nil) == CURLE_OK
        else { return reset() }
        unsafe curl_slist_free_all(headerList)
        unsafe headerList = nil
        self.configured?.headers = []
        self.configured?.body = []
    }

    /// libcurl's words about a failure; empty when it said nothing.
    var failureText: String { unsafe String(cString: errorText) }

    /// Makes the handle ready for `transfer`, which must outlive its stay in the multi handle. A kept
    /// connection that has idled for more than `mostIdleSeconds` is closed rather than used.
    func prepare(
        for transfer: Transfer, _ configuration: HTTPClientConfiguration, timeoutMs: Int64, receiveBytes: Int,
        mostIdleSeconds: Int = 300
    ) throws(HTTPError) {
        let request = transfer.request
        if let configured, isConfigured(for: request) {
            // Of a request with a connection the URL is the same, and libcurl's may have another host in it.
            try set(CURLOPT_URL, applied?.url ?? request.url)
            if request.method != .get { try setMethodAndBody(request) }
            // Headers that differ in bytes alone may be equal as strings. With a connection they may hold
            // credentials.
            let mayStay = request.method == .get && request.connection == nil
            if !mayStay || request.headers != configured.headers {
                try request.checkHeaders()
                try setHeaders(request)
            }
            self.configured?.url = request.url
            self.configured?.headers = request.headers
        } else {
            if configured != nil { reset() }
            try configure(request, configuration)
            configured = request
            // libcurl has its own copy.
            configured?.body = []
        }
        // Safety: the loop owns the transfer until the handle has left the multi handle, so no reference is
        // taken.
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        try unsafe check(setPointer(CURLOPT_PRIVATE, context), CURLOPT_PRIVATE)
        try unsafe check(
            narthex_curl_set_body_receiver(pointer, receiveBody, context), CURLOPT_WRITEFUNCTION)
        try unsafe check(
            narthex_curl_set_header_receiver(pointer, receiveHeader, context), CURLOPT_HEADERFUNCTION)
        try set(CURLOPT_TIMEOUT_MS, Int(max(1, timeoutMs)))
        try set(CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, min(timeoutMs, configuration.connectTimeoutMs))))
        if mostIdleSeconds != self.mostIdleSeconds {
            try set(CURLOPT_MAXAGE_CONN, mostIdleSeconds)
            self.mostIdleSeconds = mostIdleSeconds
        }
        guard receiveBytes != self.receiveBytes else { return }
        try set(CURLOPT_BUFFERSIZE, receiveBytes)
        self.receiveBytes = receiveBytes
    }

    /// What stays from one request to the next of its kind.
    private func configure(
        _ request: HTTPRequest, _ configuration: HTTPClientConfiguration
    ) throws(HTTPError) {
        try request.checkHeaders()
        try unsafe check(setPointer(CURLOPT_ERRORBUFFER, errorText), CURLOPT_ERRORBUFFER)
        try unsafe check(narthex_curl_allow_only_http(pointer), CURLOPT_PROTOCOLS)
        try unsafe check(narthex_curl_never_wait_for_resolver(pointer), CURLOPT_NOSIGNAL)
        if let sockets, unsafe !sockets.count(socketsOf: pointer) {
            throw HTTPError(.other, "libcurl does not let its sockets be counted")
        }

        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_USERAGENT, configuration.userAgent)
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_NOPROGRESS, 1)
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try set(CURLOPT_HTTP09_ALLOWED, 0)
        try set(CURLOPT_TCP_NODELAY, 1)
        try set(CURLOPT_FOLLOWLOCATION, request.followRedirects ? 1 : 0)
        try set(CURLOPT_MAXREDIRS, request.redirectsLeft)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        if request.spreadsOverAddresses {
            try set(CURLOPT_DNS_SHUFFLE_ADDRESSES, 1)
            // The addresses that libcurl keeps of a look-up have one order: so none are kept.
            try set(CURLOPT_DNS_CACHE_TIMEOUT, 0)
        }
        if !configuration.usesProxyFromEnvironment {
            try set(CURLOPT_PROXY, "")
            // Without a word libcurl looks for NO_PROXY in the environment, for each request.
            try set(CURLOPT_NOPROXY, "*")
        }
        if let file = configuration.caFile { try set(CURLOPT_CAINFO, file) }
        if let directory = configuration.caDirectory { try set(CURLOPT_CAPATH, directory) }
        if let connection = request.connection { try apply(connection, url: request.url) }
        try setMethodAndBody(request)
        try setHeaders(request)
    }

    /// Makes the handle fit for a request that never leaves: libcurl looks for connections that have idled
    /// for more than `mostIdleSeconds`, and is then refused a socket. False when libcurl refuses an option.
    func prepareForLook(mostIdleSeconds: Int) -> Bool {
        do throws(HTTPError) {
            try set(CURLOPT_URL, "http://127.0.0.1:9/")
            try set(CURLOPT_PROXY, "")
            try set(CURLOPT_NOPROXY, "*")
            try set(CURLOPT_NOSIGNAL, 1)
            try set(CURLOPT_FRESH_CONNECT, 1)
            try set(CURLOPT_MAXAGE_CONN, mostIdleSeconds)
            try unsafe check(
                narthex_curl_set_socket_opened(pointer, refuseSocket, nil), CURLOPT_SOCKOPTFUNCTION)
            return true
        } catch {
            return false
        }
    }

    /// Stops reading the response; libcurl may still hand over what it has read.
    func pauseReceiving() -> Bool { unsafe curl_easy_pause(pointer, CURLPAUSE_RECV) == CURLE_OK }

    /// Goes on reading. The body callback may be called before this returns.
    func resumeReceiving() -> Bool { unsafe curl_easy_pause(pointer, CURLPAUSE_CONT) == CURLE_OK }

    /// Connections this transfer made, the status it got and the kernel's last error; 0 where there is none.
    func outcome() -> (connections: Int, status: Int, systemError: Int) {
        (number(CURLINFO_NUM_CONNECTS), number(CURLINFO_RESPONSE_CODE), number(CURLINFO_OS_ERRNO))
    }

    private func setMethodAndBody(_ request: HTTPRequest) throws(HTTPError) {
        guard request.method != .get else { return try set(CURLOPT_HTTPGET, 1) }
        // The size first: with it libcurl copies that many bytes, zeros included. The copy lives until
        // `finish`, or until the next body takes its place.
        let size = curl_off_t(request.body.count)
        try unsafe check(
            narthex_curl_set_offset(pointer, CURLOPT_POSTFIELDSIZE_LARGE, size), CURLOPT_POSTFIELDSIZE_LARGE)
        let body = request.body.isEmpty ? [0] : request.body
        // Safety: libcurl copies before the call returns, and does not write although its option takes a
        // pointer through which it could.
        let code = unsafe body.withUnsafeBytes {
            unsafe setPointer(CURLOPT_COPYPOSTFIELDS, $0.baseAddress.map { unsafe .init(mutating: $0) })
        }
        try check(code, CURLOPT_COPYPOSTFIELDS)
        if request.method == .put { try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
    }

    private func setHeaders(_ request: HTTPRequest) throws(HTTPError) {
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        // A plain header: with its own option libcurl would decode the body, and take one that is cut for
        // whole.
        if request.acceptGzip { lines.append("Accept-Encoding: gzip") }
        if request.method != .get {
            // A name with nothing after the colon takes libcurl's own header away.
            lines.append("Expect:")
            if !request.headers.contains(where: { $0.isNamed("Content-Type") }) {
                lines.append("Content-Type:")
            }
        }
        let old = unsafe headerList
        // Freed once libcurl has the new list.
        defer { unsafe curl_slist_free_all(old) }
        unsafe headerList = nil
        for line in lines {
            guard let longer = unsafe curl_slist_append(headerList, line) else {
                try unsafe check(setPointer(CURLOPT_HTTPHEADER, nil), CURLOPT_HTTPHEADER)
                throw HTTPError(.other, "no memory for the request's headers")
            }
            unsafe headerList = longer
        }
        try unsafe check(setPointer(CURLOPT_HTTPHEADER, headerList), CURLOPT_HTTPHEADER)
    }

    private func set(_ option: CURLoption, _ value: Int) throws(HTTPError) {
        try unsafe check(narthex_curl_set_long(pointer, option, value), option)
    }

    /// libcurl copies strings.
    private func set(_ option: CURLoption, _ value: String) throws(HTTPError) {
        try unsafe check(narthex_curl_set_string(pointer, option, value), option)
    }

    @unsafe private func setPointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) -> CURLcode {
        unsafe narthex_curl_set_pointer(pointer, option, value)
    }

    private func check(_ code: CURLcode, _ option: CURLoption) throws(HTTPError) {
        guard code != CURLE_OK else { return }
        // Safety: curl_easy_strerror returns static text.
        let text = unsafe String(cString: curl_easy_strerror(code))
        throw HTTPError(.other, "libcurl refused its option \(option.rawValue): \(text)")
    }

    private func number(_ info: CURLINFO) -> Int {
        var value = 0
        // Safety: these are the infos that are a long; a failure leaves 0, "not known".
        return unsafe narthex_curl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
    }
}

/// libcurl's callback for a new socket that is not to connect.
private nonisolated func refuseSocket(
    _ context: UnsafeMutableRawPointer?, _ socket: Int32, _ purpose: curlsocktype
) -> Int32 { Int32(CURL_SOCKOPT_ERROR) }

/// libcurl's body callback. Not a closure made in an isolated place: it runs on the transfer thread.
private nonisolated func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context = unsafe context, let bytes = unsafe bytes, count > 0 else { return 0 }
    // Safety: the context is the transfer that `prepare` was given, alive while libcurl calls; libcurl's size
    // is always 1 and the bytes are valid for the call.
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    return unsafe bytes.withMemoryRebound(to: UInt8.self, capacity: count) { rebound in
        switch unsafe transfer.receive(body: UnsafeBufferPointer(start: rebound, count: count)) {
        case .taken: count
        case .pause: Int(CURL_WRITEFUNC_PAUSE)
        case .refused: 0
        }
    }
}

/// libcurl's header callback, called with one whole line.
private nonisolated func receiveHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context = unsafe context, let bytes = unsafe bytes, count > 0 else { return 0 }
    // Safety: as for the body.
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    return unsafe bytes.withMemoryRebound(to: UInt8.self, capacity: count) { rebound in
        let line = unsafe UnsafeBufferPointer(start: rebound, count: count).span
        return transfer.receive(header: line) ? count : 0
    }
}
