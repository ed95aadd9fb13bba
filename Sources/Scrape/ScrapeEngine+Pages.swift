import Configuration
import MetricModel

/// Which way a page is read: by the chunks of the scrape before, or, where lines change often, by the order
/// of its lines.
extension ScrapeEngine {
    func readPage(
        _ body: RawSpan, _ format: ExpositionFormat, at timestampMs: Int64, after state: ScrapeState,
        keepsMetadata: Bool, elder: KnownSeries?, memory: PageMemory? = nil
    ) throws(ScrapeError) -> ReadBody {
        let admission = SeriesAdmission.of(gate, after: state, schema, elder: elder)
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
                ? readProtobufByOrder(body, order, at: timestampMs, after: state, admission, memory)
                : readByOrder(body, order, at: timestampMs, after: state, admission).map { ReadBody($0) }
            if let page { return page }
            hasDefiedOrder = true
        }
        let records =
            mayHaveOrder && !hasDefiedOrder && !(admission?.isShedding ?? false) && state.changes.isFrequent
            && state.seriesCount >= PageOrder.leastLines
            && (admission?.takesOrder(lines: state.seriesCount) ?? true)
        var expected: [TemplateChunk] = []
        var isByOthers = false
        if state.order == nil, !records {
            isByOthers = isAsNew(state, admission)
            expected = isByOthers ? templates.expectation(of: schema) : state.chunks
        } else {
            admission?.startAnew()
        }
        var reader: ReadBody
        do throws(ScrapeError) {
            reader = try read(
                body, format, expected: expected, keepsMetadata: keepsMetadata, records: records, admission,
                memory)
        } catch {
            admission?.giveBack()
            throw error
        }
        reader.isByOthers = isByOthers && !state.chunks.isEmpty
        reader.hasDefiedOrder = hasDefiedOrder
        reader.wantsOrder = records
        if admission != nil { reader.shedCount += reader.chunks.reduce(0) { $0 + $1.shedCount } }
        return reader
    }

    /// Whether the target has no chunks to be read by: none at all, or such as have no series, because memory
    /// was short, while those of another target fit now.
    private func isAsNew(_ state: ScrapeState, _ admission: SeriesAdmission?) -> Bool {
        if state.chunks.isEmpty { return true }
        guard state.seriesCount == 0 else { return false }
        let shedCount = state.chunks.reduce(0) { $0 + $1.shedCount }
        return shedCount > 0 && admission?.hasRoom(forLines: shedCount) ?? true
    }

    private func makeReader(
        _ format: ExpositionFormat, keepsMetadata: Bool, _ admission: SeriesAdmission?
    ) -> BodyReader {
        BodyReader(
            schema: schema, isOpenMetrics: format == .openMetrics, histograms: histograms,
            readsStarts: readsStarts, keepsMetadata: keepsMetadata, hasher: hasher, layouts: layouts,
            templates: templates, admission: admission)
    }

    private func read(
        _ body: RawSpan, _ format: ExpositionFormat, expected: [TemplateChunk], keepsMetadata: Bool,
        records: Bool, _ admission: SeriesAdmission?, _ memory: PageMemory?
    ) throws(ScrapeError) -> ReadBody {
        guard format != .protobuf else {
            var reader = ProtobufBodyReader(
                schema: schema, options: histograms, keepsExemplars: keepsExemplars,
                keepsMetadata: keepsMetadata, hasher: hasher, layouts: layouts, templates: templates,
                admission: admission, memory: memory)
            if records { reader.record = PageRecord() }
            try reader.read(body, expected: expected, extraValues: report.chunk.seriesCount)
            return ReadBody(reader)
        }
        do {
            return ReadBody(
                try readText(
                    body, format, expected: expected, keepsMetadata: keepsMetadata, records: records,
                    admission))
        } catch {
            throw error.located(in: body)
        }
    }

    private func readText(
        _ body: RawSpan, _ format: ExpositionFormat, expected: [TemplateChunk], keepsMetadata: Bool,
        records: Bool, _ admission: SeriesAdmission?
    ) throws(ScrapeError) -> BodyReader {
        var reader = makeReader(format, keepsMetadata: keepsMetadata, admission)
        if records { reader.record = PageRecord() }
        do throws(ScrapeError) {
            try reader.read(body, expected: expected, extraValues: report.chunk.seriesCount)
        } catch {
            throw error.after(samples: reader.sampleCount, kept: reader.keptCount)
        }
        // Lines that come and go leave short chunks behind. Cut anew, all of it is as if it was read first.
        if reader.parsedLines > 0, !expected.isEmpty,
            reader.chunks.count > 4 + 2 * reader.lineCount / TemplateBuilder.minLines
        {
            admission?.startAnew()
            reader = makeReader(format, keepsMetadata: keepsMetadata, admission)
            try reader.read(body, expected: [], extraValues: report.chunk.seriesCount)
        }
        return reader
    }

    /// Nil where the page must be read by chunks, which finds out what is wrong with it.
    private func readByOrder(
        _ body: RawSpan, _ order: PageOrder, at timestampMs: Int64, after state: ScrapeState,
        _ admission: SeriesAdmission?
    ) -> PageChange? {
        guard body.byteCount <= BodyReader.maxBodyBytes else { return nil }
        var walk = PageWalk(
            order, schema: schema, hasher: hasher, layouts: layouts, admission: admission)
        guard walk.read(body) else { return nil }
        return change(walk, order, at: timestampMs, after: state)
    }

    /// The same for a protobuf body.
    private func readProtobufByOrder(
        _ body: RawSpan, _ order: PageOrder, at timestampMs: Int64, after state: ScrapeState,
        _ admission: SeriesAdmission?, _ memory: PageMemory?
    ) -> ReadBody? {
        guard body.byteCount <= BodyReader.maxBodyBytes else { return nil }
        var decoder = ProtobufDecoder(
            options: histograms, keepsExemplars: keepsExemplars, hasher: hasher, expected: order.lineCount,
            memory: memory)
        do throws(ScrapeError) { try decoder.read(body) } catch { return nil }
        var walk = ProtobufWalk(
            order, decoder.takeSeries(), schema: schema, hasher: hasher, layouts: layouts,
            admission: admission)
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
