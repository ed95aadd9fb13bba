import Configuration
import Testing

@testable import Scrape

/// The headers that Prometheus 3.14 sends (scrape_test.go, TestAcceptHeader, and its default configuration).
@Suite struct AcceptHeaderTests {
    private let openMetrics: [ScrapeProtocol] = [
        .openMetricsText100, .openMetricsText001, .prometheusText100, .prometheusText004,
    ]

    @Test func prometheusDefaults() {
        #expect(
            AcceptHeader.value(openMetrics, escaping: .allowUTF8)
                == "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "application/openmetrics-text;version=0.0.1;q=0.5,"
                + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
                + "*/*;q=0.2")
    }

    @Test func protobufFirst() {
        #expect(
            AcceptHeader.value([.prometheusProto] + openMetrics, escaping: .underscores)
                == "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                + "encoding=delimited;q=0.6,"
                + "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,"
                + "application/openmetrics-text;version=0.0.1;q=0.4,"
                + "text/plain;version=1.0.0;escaping=underscores;q=0.3,text/plain;version=0.0.4;q=0.2,"
                + "*/*;q=0.1")
    }

    @Test(arguments: NameEscapingScheme.allCases)
    func theEscapingSchemeIsNamedForVersion1Only(scheme: NameEscapingScheme) {
        #expect(
            AcceptHeader.value([.prometheusText100, .prometheusText004], escaping: scheme)
                == "text/plain;version=1.0.0;escaping=\(scheme.rawValue);q=0.6,"
                + "text/plain;version=0.0.4;q=0.5,"
                + "*/*;q=0.4")
    }

    @Test func oneProtocol() {
        #expect(
            AcceptHeader.value([.prometheusText004], escaping: .dots)
                == "text/plain;version=0.0.4;q=0.6,*/*;q=0.5")
    }
}
