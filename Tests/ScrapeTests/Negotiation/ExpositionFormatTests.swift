import Configuration
import Testing

@testable import Scrape

@Suite struct ExpositionFormatTests {
    private func code(_ contentType: String?) -> ScrapeError.Code? {
        do throws(ScrapeError) {
            _ = try ExpositionFormat.of(contentType: contentType, fallback: nil)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: [
        ("text/plain", ExpositionFormat.text),
        ("text/plain; version=0.0.4", .text),
        ("TEXT/Plain;version=9.9.9;charset=utf-8;", .text),
        (" text/plain ", .text),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
        ("application/openmetrics-text", .openMetrics),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            .protobuf
        ),
    ])
    func theMediaTypeChoosesWhateverTheFallback(type: String, format: ExpositionFormat) throws {
        #expect(try ExpositionFormat.of(contentType: type, fallback: nil) == format)
        #expect(try ExpositionFormat.of(contentType: type, fallback: .prometheusProto) == format)
    }

    @Test(
        arguments: [
            nil, "", "text/html", "application/json", ";", "text/plain2", "text/plain; charset",
            "text/plain; a=1; a=1", "text", "text/", "te xt/plain", "text/plain, text/plain",
        ] as [String?])
    func otherTypesAreLeftToTheFallback(type: String?) throws {
        #expect(code(type) == .contentType)
        for (fallback, format) in [
            (ScrapeProtocol.prometheusText004, ExpositionFormat.text), (.prometheusText100, .text),
            (.openMetricsText001, .openMetrics), (.openMetricsText100, .openMetrics),
            (.prometheusProto, .protobuf),
        ] {
            #expect(try ExpositionFormat.of(contentType: type, fallback: fallback) == format)
        }
    }

    @Test func whatIsShownOfAHeaderIsBounded() {
        do throws(ScrapeError) {
            _ = try ExpositionFormat.of(
                contentType: "x/" + String(repeating: "y", count: 5_000), fallback: nil)
            Issue.record("the header is malformed")
        } catch {
            #expect(error.message.utf8.count < 400)
        }
    }
}
