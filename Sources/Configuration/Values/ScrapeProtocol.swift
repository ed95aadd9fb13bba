/// An exposition format in one version, by Prometheus' name.
public enum ScrapeProtocol: String, CaseIterable, Sendable {
    case prometheusProto = "PrometheusProto"
    case openMetricsText001 = "OpenMetricsText0.0.1"
    case openMetricsText100 = "OpenMetricsText1.0.0"
    case prometheusText100 = "PrometheusText1.0.0"
    case prometheusText004 = "PrometheusText0.0.4"

    /// What this version reads; others would be refused by name.
    public static let supported: [ScrapeProtocol] = allCases

    /// What a job without `scrape_protocols` asks for, most wanted first.
    public static let defaults: [ScrapeProtocol] = [
        openMetricsText100, openMetricsText001, prometheusText100, prometheusText004,
    ]

    /// What such a job asks for when it wants native histograms, which only protobuf carries.
    public static let protobufFirst: [ScrapeProtocol] = [prometheusProto] + defaults
}
