/// Pages of protobuf: a MetricFamily of `io.prometheus.client` behind its length for each family. The numbers
/// of the fields are those of client_model's metrics.proto.
extension ExporterShape {
    /// What is in front of the number in each Metric besides the shape's own labels.
    private struct Labels {
        var exporter: [UInt8] = []
        var churn: [UInt8] = []

        init(_ page: PageID) {
            if page.isDistinct { ShapeBuilder.appendPair("exporter", "\(page.exporter)", to: &exporter) }
            ShapeBuilder.appendPair("churn", "\(page.scrape)", to: &churn)
        }
    }

    func messageBody(_ page: PageID, _ order: PageOrder?) -> [UInt8] {
        let labels = Labels(page)
        // A label that moves, tags, lengths and numbers: none takes more than 100 bytes.
        let roomEach = labels.exporter.count + 100
        return PageWriter.page(roomBytes: messages.count + series.count * roomEach) { writer in
            var left = page.visible
            for place in families.indices where left > 0 {
                let family = families[order?.families[place] ?? place]
                writer.appendDelimited { writer in
                    writer.append(messages.span.extracting(family.fields))
                    if family.type == .histogram {
                        appendHistogram(family, page, labels, &left, to: &writer)
                        return
                    }
                    for place in family.lines where left > 0 {
                        left -= 1
                        appendMetric(series[order?.lines[place] ?? place], page, labels, to: &writer)
                    }
                }
            }
        }
    }

    private func appendMetric(
        _ one: Series, _ page: PageID, _ labels: borrowing Labels, to writer: inout PageWriter
    ) {
        let count = count(of: one, numbers: page.numbers, scrape: page.scrape)
        writer.append(0x22)  // MetricFamily.metric
        writer.appendDelimited { writer in
            append(labels, of: one, page, to: &writer)
            var isCounter = true
            if case .gauge = one.kind { isCounter = false }
            writer.append(isCounter ? 0x1A : 0x12)  // Metric.counter or .gauge
            writer.append(9)  // Bytes of the field behind this.
            writer.append(0x09)  // value
            writer.append(double: isCounter ? Double(count) : Double(Self.gauge(count)) / 100)
        }
    }

    private func append(
        _ labels: borrowing Labels, of one: Series, _ page: PageID, to writer: inout PageWriter
    ) {
        writer.append(labels.exporter.span)
        switch one.movingLabel {
        case .none: break
        case .churn: writer.append(labels.churn.span)
        case .session(let place):
            var pair: [UInt8] = []
            ShapeBuilder.appendPair("session", "\(session(at: place, scrape: page.scrape))", to: &pair)
            writer.append(pair.span)
        }
        writer.append(messages.span.extracting(one.pairs))
    }

    /// A histogram is one Metric, whole if any of its series is among the `left` ones.
    private func appendHistogram(
        _ family: Family, _ page: PageID, _ labels: borrowing Labels, _ left: inout Int,
        to writer: inout PageWriter
    ) {
        let first = series[family.lines.lowerBound]
        let growth = growth(of: family, scrape: page.scrape)
        left = max(0, left - family.lines.count + family.extraLines - growth)
        writer.append(0x22)  // MetricFamily.metric
        writer.appendDelimited { writer in
            append(labels, of: first, page, to: &writer)
            let count = count(of: first, numbers: page.numbers, scrape: page.scrape)
            writer.append(0x3A)  // Metric.histogram
            writer.appendDelimited { writer in
                writer.append(0x08)  // sample_count
                writer.append(varint: count)
                writer.append(0x11)  // sample_sum
                writer.append(double: Double(count &* 137) / 1_000)
                for line in family.lines where series[line].growth <= growth {
                    guard case .bucket(let permille, let bound) = series[line].kind, bound.isFinite else {
                        continue
                    }
                    writer.append(0x1A)  // bucket
                    writer.appendDelimited { writer in
                        writer.append(0x08)  // cumulative_count
                        writer.append(varint: count &* permille / 1_000)
                        writer.append(0x11)  // upper_bound
                        writer.append(double: bound)
                    }
                }
            }
        }
    }
}
