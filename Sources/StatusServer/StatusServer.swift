internal import HTTPServer
public import Telemetry

/// The agent's own pages: `/`, `/metrics`, `/-/healthy`, `/-/ready`. On loopback unless told otherwise.
public final class StatusServer: Sendable {
    /// Where it listens, the ports being those it got; at least one.
    public let addresses: [ListenAddress]

    /// What `/-/healthy` answers, by which an agent is told from another program.
    public static let healthyText = "Narthex is Healthy.\n"

    private let servers: [HTTPServer]
    private let prefix: RoutePrefix

    private init(_ servers: [(server: HTTPServer, host: String?)], prefix: RoutePrefix) {
        self.servers = servers.map(\.server)
        addresses = servers.map { ListenAddress(host: $0.host, port: $0.server.port) }
        self.prefix = prefix
    }

    /// Starts listening on every one of `addresses`, of which there is at least one, or on none. Requests are
    /// counted in `registry` as `prometheus_http_requests_total{code,handler}`. `prefix` is the path that the
    /// pages are under. Without a `lifecycle` `/-/reload` and `/-/quit` are refused.
    public static func start(
        addresses: [ListenAddress] = [.standard], prefix: RoutePrefix = RoutePrefix(),
        pages: any StatusPages, registry: MetricRegistry, lifecycle: Lifecycle? = nil
    ) async throws(StatusError) -> StatusServer {
        precondition(!addresses.isEmpty, "a status server listens somewhere")
        let router = StatusRouter(pages: pages, registry: registry, prefix: prefix, lifecycle: lifecycle)
        for (index, address) in addresses.enumerated() {
            guard address.port == 0 || !addresses[..<index].contains(address) else {
                throw StatusError(.badAddress, "\(address) is named twice; name it once")
            }
        }
        var started: [(server: HTTPServer, host: String?)] = []
        do throws(StatusError) {
            for address in addresses {
                started.append((try await listen(address, router), address.host))
            }
        } catch {
            for (server, _) in started { await server.stop() }
            throw error
        }
        return StatusServer(started, prefix: prefix)
    }

    private static func listen(
        _ address: ListenAddress, _ router: StatusRouter
    ) async throws(StatusError) -> HTTPServer {
        // Every interface is `::`, which takes IPv4 too, and `0.0.0.0` where the kernel has no IPv6.
        let hosts = address.host.map { [$0] } ?? ["::", "0.0.0.0"]
        var failures: [String] = []
        for host in hosts {
            do throws(ServerError) {
                // Nobody sends these pages a body.
                return try await HTTPServer.start(
                    host: host, port: address.port, bodyLimitBytes: 4_096,
                    limits: ServerLimits(maxConnections: 64)
                ) { request in await router.respond(request) }
            } catch {
                failures.append(error.message)
            }
        }
        throw StatusError(
            .listen,
            failures.joined(separator: "; ")
                + ". Choose another address with --web.listen-address")
    }

    /// Numeric addresses of this machine's interfaces, which a server on every interface has.
    public static var interfaceAddresses: [String] { InterfaceAddresses.current }

    /// The first of `urls`.
    public var url: String { urls[0] }

    /// The page's addresses as a person may open them.
    public var urls: [String] {
        addresses.map { address in
            let host = address.host ?? "127.0.0.1"
            let authority =
                host.contains(":") ? "[\(host)]:\(address.port)" : "\(host):\(address.port)"
            return "http://\(authority)\(prefix.path)/"
        }
    }

    /// The page's addresses by which a program on this machine reaches it.
    public var localURLs: [String] { addresses.map { "http://\($0.localAuthority)\(prefix.path)/" } }

    /// Stops listening; answers in hand are finished.
    public func stop() async {
        for server in servers { await server.stop() }
    }
}
