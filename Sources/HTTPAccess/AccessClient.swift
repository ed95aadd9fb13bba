import Addresses
public import Configuration
public import HTTPTransport
public import Platform
import Synchronization

/// An HTTP client with the options of one block of the configuration: it adds credentials and headers,
/// chooses authorities, certificates and the proxy, and follows redirects without taking credentials to
/// another host.
///
/// Connections are the client's underneath; requests whose options differ never share one. Files are looked
/// at on a worker before each request and read when they changed. With default options and a plain http URL
/// it hands the request on as it is.
public final class AccessClient: HTTPPerforming {
    /// Redirects followed for one request, as in Go.
    static let redirectLimit = 10
    /// Connection options kept, one for each proxy and socket in use.
    private static let connectionLimit = 4_096

    private struct ConnectionKey: Hashable {
        let proxy: String?
        let unixSocketPath: String?
    }

    private struct State {
        var material: AccessMaterial?
        /// Of the files that `material` was made of.
        var contents: [String: [UInt8]] = [:]
        var connections: [ConnectionKey: HTTPConnectionOptions] = [:]
    }

    private let options: HTTPClientOptions
    private let http: any HTTPPerforming
    private let workers: WorkerPool
    private let texts: FileTexts
    private let proxies: ProxyChoice
    private let tokens: OAuth2TokenSource?
    private let clock: any AgentClock
    private let hasFiles: Bool
    /// There is nothing to add to a request that needs no TLS.
    private let isPlain: Bool
    private let state: Mutex<State>

    /// `http` does the transfers. `environment` is read for `proxy_from_environment` alone.
    public init(
        _ options: HTTPClientOptions, http: any HTTPPerforming, workers: WorkerPool, files: any FileDoor,
        clock: any AgentClock, environment: [String: String]
    ) {
        self.options = options
        self.http = http
        self.workers = workers
        self.clock = clock
        texts = FileTexts(files: files)
        proxies = ProxyChoice(options.proxy, environment: environment)
        let plan = AccessPlan(options)
        hasFiles = !plan.files.isEmpty
        isPlain = options.addsNothing
        state = Mutex(State(material: hasFiles ? nil : try? plan.material { _ in [] }))
        if case .oauth2(let block) = options.authentication {
            // A client of its own: the token's endpoint has its own TLS and proxy, and takes no credentials
            // but the client's.
            let access = AccessClient(
                HTTPClientOptions(tls: block.tls, proxy: block.proxy, enableHTTP2: options.enableHTTP2),
                http: http, workers: workers, files: files, clock: clock, environment: environment)
            tokens = OAuth2TokenSource(block, http: access, clock: clock)
        } else {
            tokens = nil
        }
    }

    public func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        guard let origin = HTTPURL(request.url) else { return try await http.perform(request) }
        if isPlain, origin.scheme == .http, request.method == .get || !request.followRedirects {
            return try await http.perform(request)
        }
        let startNs = clock.monotonicNs
        let material = try await material()
        var identity = material.identity
        // The value of the header that has the token.
        var token: String?
        if let tokens {
            let secret = material.clientSecret ?? ""
            let value = try await tokens.token(clientSecret: secret, timeoutMs: request.timeoutMs)
            identity.append(HTTPHeader(name: "Authorization", value: value))
            token = value
        }
        let given = request.headers
        if given.contains(where: { $0.name.lowercased() == "authorization" }) {
            // A signature, say. Other headers are sent beside those of their name, as in Prometheus.
            identity.removeAll { $0.name.lowercased() == "authorization" }
            token = nil
        }
        var next = request
        next.followRedirects = false
        var url = origin
        for _ in 0...Self.redirectLimit {
            let isHome = url.isSameOrigin(as: origin)
            next.headers = given + (isHome ? identity : []) + material.open
            if options.tls.serverName != nil, url.scheme == .https {
                guard let host = url.hostHeader else {
                    throw HTTPError(
                        .badURL,
                        "\(url) has a host beyond ASCII, which cannot be used with server_name; write it in"
                            + " Punycode (xn--…)")
                }
                next.headers.append(HTTPHeader(name: "Host", value: host))
            }
            next.connection = connection(for: url, material, request.connection)
            next.timeoutMs = try leftMs(request, since: startNs, url)
            let response = try await http.perform(next)
            if response.status == 401, isHome, let tokens, let token {
                // The next request asks for a new one; the answer counts as it is.
                await tokens.reject(token)
            }
            guard let target = redirect(request, response, from: url, origin) else { return response }
            next.url = target.text
            url = target
        }
        throw HTTPError(
            .tooManyRedirects,
            "\(request.method.rawValue) \(origin.origin): more than \(Self.redirectLimit) redirects, the last"
                + " of them to \(url.origin)")
    }

    /// Headers and TLS texts as the files have them now.
    private func material() async throws(HTTPError) -> AccessMaterial {
        if !hasFiles, let made = state.withLock({ $0.material }) { return made }
        let plan = AccessPlan(options)
        let texts = texts
        let looked: Result<[String: [UInt8]], HTTPError> = await workers.run {
            Result { () throws(HTTPError) in try texts.look(at: plan.files) }
        }
        let contents = try looked.get()
        // Unchanged arrays are the same memory, so this compares no bytes.
        if let made = state.withLock({ $0.contents == contents ? $0.material : nil }) { return made }
        let made = try plan.material { path throws(HTTPError) in contents[path] ?? [] }
        state.withLock { state in
            if state.material?.tls != made.tls { state.connections = [:] }
            state.material = made
            state.contents = contents
        }
        return made
    }

    /// How to connect for a URL: the same object for the same way, so that a client sees that nothing
    /// changed.
    private func connection(
        for url: HTTPURL, _ material: AccessMaterial, _ asked: HTTPConnectionOptions?
    ) -> HTTPConnectionOptions {
        let key = ConnectionKey(
            proxy: asked?.unixSocketPath == nil ? proxies.proxy(for: url) : nil,
            unixSocketPath: asked?.unixSocketPath)
        return state.withLock { state in
            if let known = state.connections[key], known.tls == material.tls { return known }
            let made = HTTPConnectionOptions(
                tls: material.tls,
                proxy: key.proxy.map { .init(url: $0, connectHeaders: proxies.connectHeaders) },
                unixSocketPath: key.unixSocketPath, offersHTTP2: options.enableHTTP2)
            if state.connections.count >= Self.connectionLimit { state.connections = [:] }
            state.connections[key] = made
            return made
        }
    }

    private func leftMs(
        _ request: HTTPRequest, since startNs: UInt64, _ url: HTTPURL
    ) throws(HTTPError) -> Int64 {
        let spentMs = Int64((clock.monotonicNs &- startNs) / 1_000_000)
        guard spentMs < request.timeoutMs else {
            throw HTTPError(
                .timeout,
                "\(request.method.rawValue) \(url.origin): the time was up after a token or redirects")
        }
        return request.timeoutMs - spentMs
    }

    /// Where a response sends the request; nil when it is the answer. A body goes on only to the same host
    /// and only where the status keeps the method: anything else would lose it and look like success.
    private func redirect(
        _ request: HTTPRequest, _ response: HTTPResponse, from url: HTTPURL, _ origin: HTTPURL
    ) -> HTTPURL? {
        guard request.followRedirects, [301, 302, 303, 307, 308].contains(response.status),
            let location = response.headers["Location"], !location.isEmpty
        else { return nil }
        let target: HTTPURL
        // A Location that leads nowhere makes the redirect the answer, which is reported by its status.
        do throws(AddressError) { target = try url.resolving(location) } catch { return nil }
        if request.method != .get {
            guard response.status >= 307, target.isSameOrigin(as: origin) else { return nil }
        }
        return target
    }
}
