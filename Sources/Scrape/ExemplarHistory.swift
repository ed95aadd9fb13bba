import MetricModel

/// Which exemplars of a target are new. A target shows the same exemplar scrape after scrape until another
/// takes its place; it counts once (prometheus/tsdb/agent, AppendExemplar).
struct ExemplarHistory: Sendable {
    /// For each series that has shown one, a keyed hash of the last. Entries of series that left go when the
    /// layout changes, so there are no more than series.
    private(set) var prints: [UInt64: UInt64] = [:]
    /// Keyed hashes of all that the last scrape showed of a protobuf body or of histograms, which have
    /// several at once.
    private var shown: Set<UInt64> = []

    /// The exemplars of a scrape that have not been shown before, by the rules of what an exemplar may hold.
    /// `scraped` and `absent` ascend by series.
    mutating func take(
        _ scraped: [ScrapedExemplar], _ body: RawSpan, chunks: [TemplateChunk], schema: TargetSchema,
        absent: [UInt32], layoutChanged: Bool, hasher: SegmentHasher
    ) -> [Frame.SeriesExemplar] {
        if layoutChanged, !prints.isEmpty { forgetSeries(notIn: chunks, schema) }
        var result: [Frame.SeriesExemplar] = []
        var chunkIndex = 0
        var chunkStart = 0
        var hashes: [UInt64]?
        var nextAbsent = 0
        var now: Set<UInt64> = []
        defer { shown = now }
        for item in scraped {
            while nextAbsent < absent.count, absent[nextAbsent] < item.series { nextAbsent += 1 }
            if nextAbsent < absent.count, absent[nextAbsent] == item.series { continue }
            while Int(item.series) >= chunkStart + chunks[chunkIndex].seriesCount {
                chunkStart += chunks[chunkIndex].seriesCount
                chunkIndex += 1
                hashes = nil
            }
            if hashes == nil { hashes = chunks[chunkIndex].seriesHashes(of: schema) }
            guard let hash = hashes?[Int(item.series) - chunkStart] else { continue }
            let print = Self.print(item.exemplar, body, hasher)
            if item.isOfHistogram {
                // A histogram has several at once.
                let whole = hasher.combine(hash, print)
                guard now.insert(whole).inserted, !shown.contains(whole) else { continue }
            } else {
                if prints[hash] == print { continue }
                prints[hash] = print
            }
            guard let exemplar = Self.exemplar(item.exemplar, body) else { continue }
            result.append(Frame.SeriesExemplar(series: item.series, exemplar: exemplar))
        }
        return result
    }

    /// The same for a body whose exemplars are read already; `keys` are its series'.
    mutating func take(
        _ read: [Frame.SeriesExemplar], keys: [UInt64], absent: [UInt32], hasher: SegmentHasher
    ) -> [Frame.SeriesExemplar] {
        var now: Set<UInt64> = []
        var nextAbsent = 0
        let new = read.filter { entry in
            while nextAbsent < absent.count, absent[nextAbsent] < entry.series { nextAbsent += 1 }
            if nextAbsent < absent.count, absent[nextAbsent] == entry.series { return false }
            let print = Self.print(entry.exemplar, of: keys[Int(entry.series)], hasher)
            return now.insert(print).inserted && !shown.contains(print)
        }
        shown = now
        return new
    }

    private static func print(_ exemplar: Exemplar, of key: UInt64, _ hasher: SegmentHasher) -> UInt64 {
        let labels = exemplar.encodedLabels
        // Safety: bytes have no padding.
        let hash = unsafe hasher.hash(labels.span.bytes, 0, labels.count)
        let value = hasher.combine(hasher.combine(key, hash), exemplar.value.bitPattern)
        return exemplar.timestampMs.map { hasher.combine(value, UInt64(bitPattern: $0)) } ?? value
    }

    private mutating func forgetSeries(notIn chunks: [TemplateChunk], _ schema: TargetSchema) {
        let known = SeriesTable(of: chunks, schema)
        prints = prints.filter { known.number(of: $0.key) != nil }
    }

    private static func print(
        _ exemplar: OpenMetricsLineEnd.Exemplar, _ body: RawSpan, _ hasher: SegmentHasher
    ) -> UInt64 {
        let labels = hasher.hash(body, exemplar.labels.lowerBound, exemplar.labels.count)
        let value = hasher.combine(labels, exemplar.value.bitPattern)
        return exemplar.timestampMs.map { hasher.combine(value, UInt64(bitPattern: $0)) } ?? value
    }

    /// Nil when the labels are more than an exemplar may have, or one stands twice. Backslashes stay as they
    /// are: Prometheus resolves no escapes here.
    static func exemplar(
        _ scraped: OpenMetricsLineEnd.Exemplar, _ body: RawSpan
    ) -> Exemplar? {
        var elements = OpenMetricsLabels(
            body, at: scraped.labels.lowerBound, limit: OpenMetricsLineEnd.maxExemplarBytes)
        var labels = LabelSet()
        var characters = 0
        do throws(ScrapeError) {
            while let element = try elements.next(body, isExemplar: true) {
                guard let range = element.value, UTF8Check.isValid(body, element.name) else { return nil }
                if range.isEmpty { continue }
                let name = string(body, element.name)
                let value = string(body, range)
                characters += name.unicodeScalars.count + value.unicodeScalars.count
                guard characters <= Exemplar.maxLabelCharacters, labels[name] == nil else { return nil }
                labels[name] = value
            }
        } catch {
            // The line's end has been read to the same rules, so this does not happen.
            return nil
        }
        return Exemplar(labels: labels, value: scraped.value, timestampMs: scraped.timestampMs)
    }

    private static func string(_ body: RawSpan, _ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        body.append(range, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
