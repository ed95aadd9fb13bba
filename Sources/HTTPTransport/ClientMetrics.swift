import Synchronization
internal import Telemetry

/// A client's metrics. The connection counters have Prometheus' names and `dialer_name` label.
final class ClientMetrics: Sendable {
    private let attempted: Counter
    private let established: Counter
    private let failed: [HTTPError.Code: Counter]
    private let failedOtherwise: Counter
    private let inFlight: Gauge
    private let waiting: Gauge
    private let slotsInUse: Gauge
    private let connections: Gauge
    private let idleClosed: Counter

    init(name: String, registry: MetricRegistry) {
        let label = [(name: "dialer_name", value: name)]
        attempted = registry.counter(
            "net_conntrack_dialer_conn_attempted_total", help: "Connections attempted by the HTTP client.",
            labels: label)
        established = registry.counter(
            "net_conntrack_dialer_conn_established_total", help: "Connections the HTTP client established.",
            labels: label)
        func failures(_ reason: String) -> Counter {
            registry.counter(
                "net_conntrack_dialer_conn_failed_total",
                help: "Connections the HTTP client failed to establish.",
                labels: label + [(name: "reason", value: reason)])
        }
        failed = [
            .resolve: failures("resolution"), .connect: failures("refused"), .timeout: failures("timeout"),
            .tls: failures("tls"),
        ]
        failedOtherwise = failures("unknown")
        let client = [(name: "client", value: name)]
        inFlight = registry.gauge(
            "narthex_http_requests_in_flight", help: "Requests the HTTP client is working on.", labels: client
        )
        waiting = registry.gauge(
            "narthex_http_bodies_waiting", help: "Response bodies that wait for a body slot or for memory.",
            labels: client)
        slotsInUse = registry.gauge(
            "narthex_http_body_slots_in_use", help: "Body slots held by bodies being received or worked on.",
            labels: client)
        connections = registry.gauge(
            "narthex_http_connections", help: "Connections the HTTP client has open, idle ones included.",
            labels: client)
        idleClosed = registry.counter(
            "narthex_http_idle_connections_closed_total",
            help: "Idle connections the HTTP client closed because memory was scarce.", labels: client)
    }

    /// A transfer ended. `connections` counts those it made; 0 when it used a kept one or made none.
    func ended(connections: Int, error: HTTPError?) {
        if connections > 0 {
            attempted.add(UInt64(connections))
            established.add(UInt64(connections))
        } else if let error, let counter = failed[error.code], error.code != .timeout {
            attempted.add()
            counter.add()
        }
    }

    func report(inFlight: Int, waiting: Int, slotsInUse: Int, connections: Int) {
        self.inFlight.set(Double(inFlight))
        self.waiting.set(Double(waiting))
        self.slotsInUse.set(Double(slotsInUse))
        self.connections.set(Double(connections))
    }

    /// Idle connections were closed because memory is scarce.
    func closedIdle(_ count: Int) { if count > 0 { idleClosed.add(UInt64(count)) } }
}
