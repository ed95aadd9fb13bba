import HTTPTransport
import Testing

@testable import RemoteWrite

@Suite struct WrittenCountsTests {
    private func counts(_ fields: [(String, String)]) -> WrittenCounts? {
        WrittenCounts(
            HTTPHeaders(fields.map { HTTPHeader(name: "X-Prometheus-Remote-Write-\($0)-Written", value: $1) })
        )
    }

    @Test func withoutAnyHeaderNothingWasUnderstood() {
        #expect(WrittenCounts(HTTPHeaders([HTTPHeader(name: "Date", value: "1")])) == nil)
    }

    @Test func headersAreRead() {
        #expect(
            counts([("Samples", "5"), ("Histograms", " 2"), ("Exemplars", "1")])
                == WrittenCounts(samples: 5, histograms: 2, exemplars: 1))
        #expect(counts([("Histograms", "7")]) == WrittenCounts(samples: 0, histograms: 7, exemplars: 0))
    }

    @Test(arguments: ["", "x", "-1", "1e3", "99999999999999999999", "0x5", "1, 5"])
    func whatIsNoNumberIsNoHeader(text: String) {
        #expect(counts([("Samples", text)]) == nil)
        #expect(
            counts([("Samples", text), ("Histograms", "3")])
                == WrittenCounts(samples: 0, histograms: 3, exemplars: 0))
    }

    @Test func missingIsWhatWasNotWritten() {
        let counts = WrittenCounts(samples: 3, histograms: 2, exemplars: 9)
        #expect(
            counts.missing(samples: 5, histograms: 2, exemplars: 1)
                == WrittenCounts(samples: 2, histograms: 0, exemplars: 0))
        #expect(counts.total == 5)
    }
}
