import Configuration
import MetricModel

/// Which way a page is read: by the chunks of the scrape before, or, where lines change often, by the order
/// of its lines.
extension ScrapeEngine {
    func readPage(
        _ body: RawSpan, _ format: ExpositionFormat, at timestampMs: Int64, after state: ScrapeState,
        keepsMetadata: Bool
    ) throws(ScrapeError) -> ReadBody {
        // All these look at runs of lines as the page has them. A protobuf message tells of its start and its
        // buckets by itself.
        let looksAtRuns = format != .protobuf && (histograms.convertsClassic || readsStarts)
        let mayHaveOrder = readsByOrder && !keepsMetadata && !addsStartSamples && !looksAtRuns
        var hasDefiedOrder = false
        if mayHaveOrder, let order = state.order, order.isOpenMetrics == (format == .openMetrics),
            order.isProtobuf == (format == .protobuf),
            !order.isSpent, !state.changes.isCalm, !state.changes.isWaiting
        {
            let page =
                format == .protobuf
                ? readProtobufByOrder(body, order, at: timestampMs, after: state)
                : readByOrder(body, order, at: timestampMs, after: state).map { ReadBody($0) }
            if let page { return page }
            hasDefiedOrder = true
        }
        let records =
            mayHaveOrder && !hasDefiedOrder && state.changes.isFrequent
            && state.seriesCount >= PageOrder.leastLines
        var expected: [TemplateChunk] = []
        if state.order == nil, !records {
            expected = state.chunks.isEmpty ? templates.expectation(of: schema) : state.chunks
        }
        var reader = try read(
            body, format, expected: expected, keepsMetadata: keepsMetadata, records: records)
        reader.hasDefiedOrder = hasDefiedOrder
        return reader
    }

    /// Nil where the page must be read by chunks, which finds out what is wrong with it.
    private func readByOrder(
        _ body: RawSpan, _ order: PageOrder, at timestampMs: Int64, after state: ScrapeState
    ) -> PageChange? {
        guard body.byteCount <= BodyReader.maxBodyBytes else { return nil }
        var walk = PageWalk(order, schema: schema, hasher: hasher, layouts: layouts)
        guard walk.read(body) else { return nil }
        return change(walk, order, at: timestampMs, after: state)
    }

    /// The same for a protobuf body.
    private func readProtobufByOrder(
        _ body: RawSpan, _ order: PageOrder, at timestampMs: Int64, after state: ScrapeState
    ) -> ReadBody? {
        guard body.byteCount <= BodyReader.maxBodyBytes else { return nil }
        var decoder = ProtobufDecoder(
            options: histograms, keepsExemplars: keepsExemplars, hasher: hasher, expected: order.lineCount)
        do throws(ScrapeError) { try decoder.read(body) } catch { return nil }
        var walk = ProtobufWalk(
            order, decoder.takeSeries(), schema: schema, hasher: hasher, layouts: layouts)
        guard walk.read(body), let page = change(walk, order, at: timestampMs, after: state) else {
            return nil
        }
        return ReadBody(page, walk.series, keepsKeys: keepsExemplars)
    }

    /// Nil where a series stands twice or there are more samples than the job takes.
    private func change(
        _ walk: some WalkedPage, _ order: PageOrder, at timestampMs: Int64, after state: ScrapeState
    ) -> PageChange? {
        let before = PageChange.Before(
            chunks: state.chunks, order: order, silent: withoutMarker(state, timestampMs),
            isLive: state.isLive)
        let change = PageChange(
            walk, before, report: report.hashes, schema: schema, layouts: layouts)
        let limit = schema.rules.limits.samples
        guard let change, limit == 0 || change.keptCount <= limit else { return nil }
        return change
    }

    /// The order by which the next page is read; nil where that is done by chunks.
    func order(of reader: ReadBody, _ next: ScrapeState) -> PageOrder? {
        if let page = reader.page { return page.order }
        guard let record = reader.record, next.duplicates.isEmpty, next.shed.leftOut.isEmpty,
            let first = reader.chunks.first
        else { return nil }
        return PageOrder(
            parsed: reader.chunks, record, isOpenMetrics: first.isOpenMetrics, isProtobuf: reader.isProtobuf)
    }

    /// Series that had left, kept their places in the chunks, and are back in a page that was not read by
    /// its order: for the comparison of chunks they were never away.
    func returnedCount(_ state: ScrapeState, _ new: [TemplateChunk]) -> Int {
        guard let holes = state.order?.holes, !holes.isEmpty else { return 0 }
        var table = SeriesTable(capacity: holes.count)
        var next = holes[...]
        var start = 0
        for chunk in state.chunks {
            let end = start + chunk.seriesCount
            if let first = next.first, Int(first) < end {
                let hashes = seriesHashes(of: chunk)
                while let ordinal = next.first, Int(ordinal) < end {
                    _ = table.insert(hashes[Int(ordinal) - start], ordinal)
                    next.removeFirst()
                }
            }
            start = end
        }
        var found: Set<UInt32> = []
        for chunk in new {
            for hash in seriesHashes(of: chunk) {
                if let ordinal = table.number(of: hash) { found.insert(ordinal) }
            }
        }
        return found.count
    }
}
