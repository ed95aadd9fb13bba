internal import HTTPTransport

/// What a receiver of remote write 2.0 says that it has written: the headers
/// `X-Prometheus-Remote-Write-{Samples,Histograms,Exemplars}-Written`.
struct WrittenCounts: Equatable, Sendable {
    var samples: Int
    var histograms: Int
    var exemplars: Int

    init(samples: Int, histograms: Int, exemplars: Int) {
        self.samples = samples
        self.histograms = histograms
        self.exemplars = exemplars
    }

    /// Nil where the response has none of the headers: then the receiver has not understood a message of
    /// 2.0. One that is no number is none; one that is missing beside another says 0.
    init?(_ headers: HTTPHeaders) {
        let names = ["samples", "histograms", "exemplars"]
        let counts = names.map { name in
            headers["x-prometheus-remote-write-\(name)-written"].flatMap { Int($0) }
                .flatMap { $0 >= 0 ? $0 : nil }
        }
        guard counts.contains(where: { $0 != nil }) else { return nil }
        self.init(samples: counts[0] ?? 0, histograms: counts[1] ?? 0, exemplars: counts[2] ?? 0)
    }

    /// How much of what was sent was not written; 0 where the receiver claims to have written more.
    func missing(samples: Int, histograms: Int, exemplars: Int) -> WrittenCounts {
        WrittenCounts(
            samples: max(0, samples - self.samples), histograms: max(0, histograms - self.histograms),
            exemplars: max(0, exemplars - self.exemplars))
    }

    /// Samples and histograms.
    var total: Int { samples + histograms }
}
