internal import HTTPServer
public import Telemetry

/// The agent's own pages: `/`, `/metrics`, `/-/healthy`, `/-/ready`. On loopback unless told otherwise.
public final class StatusServer: Sendable {
    /// Where it listens, the port being the one it got.
    public let address: ListenAddress

    private let server: HTTPServer

    private init(server: HTTPServer, host: String?) {
        self.server = server
        address = ListenAddress(host: host, port: server.port)
    }

    /// Starts listening. Requests are counted in `registry` as
    /// `prometheus_http_requests_total{code,handler}`.
    public static func start(
        address: ListenAddress = .standard, pages: any StatusPages, registry: MetricRegistry
    ) async throws(StatusError) -> StatusServer {
        let router = StatusRouter(pages: pages, registry: registry)
        // Every interface is `::`, which takes IPv4 too, and `0.0.0.0` where the kernel has no IPv6.
        let hosts = address.host.map { [$0] } ?? ["::", "0.0.0.0"]
        var failures: [String] = []
        for host in hosts {
            do throws(ServerError) {
                // Nobody sends these pages a body.
                let server = try await HTTPServer.start(
                    host: host, port: address.port, bodyLimitBytes: 4_096,
                    limits: ServerLimits(maxConnections: 64)
                ) { request in router.answer(request) }
                return StatusServer(server: server, host: address.host)
            } catch {
                failures.append(error.message)
            }
        }
        throw StatusError(
            .listen,
            failures.joined(separator: "; ")
                + ". Choose another address with --web.listen-address")
    }

    /// The page's address as a person may open it.
    public var url: String {
        let host = address.host ?? "127.0.0.1"
        return host.contains(":") ? "http://[\(host)]:\(address.port)/" : "http://\(host):\(address.port)/"
    }

    /// Stops listening; answers in hand are finished.
    public func stop() async { await server.stop() }
}
