import Platform

/// Which page of an exporter it is.
struct PageID: Sendable, Hashable {
    var exporter: Int
    /// The exporter's set of numbers.
    var numbers: Int
    /// Counted from 0.
    var scrape: UInt64
    var format = FleetFormat.text
    /// Whether the exporter's number is a label of every series.
    var isDistinct = false
    /// Whether the order is another one at each scrape.
    var isShuffled = false
    /// Only so many series, the first ones, are shown.
    var visible = Int.max
}

/// Families and lines in the order of a page.
struct PageOrder {
    var families: [Int]
    /// By place in `ExporterShape.series`: which line stands there. Lines stay within their family.
    var lines: [Int]
}

extension ExporterShape {
    /// The body of a page.
    func body(_ page: PageID) -> [UInt8] {
        let order = page.isShuffled ? shuffled(page) : nil
        return page.format == .protobuf ? messageBody(page, order) : textBody(page, order)
    }

    /// The order of a page that is in another one at each scrape.
    private func shuffled(_ page: PageID) -> PageOrder {
        var random = SplitMix64(seed: seed &+ page.scrape &* 0x1_0001 &+ UInt64(page.numbers) << 40)
        var order = PageOrder(
            families: families.indices.shuffled(using: &random), lines: Array(series.indices))
        for family in families where family.type != .histogram || page.format == .text {
            order.lines[family.lines].shuffle(using: &random)
        }
        return order
    }

    private func textBody(_ page: PageID, _ order: PageOrder?) -> [UInt8] {
        let isOpen = page.format == .openmetrics
        let label = page.isDistinct ? Array("exporter=\"\(page.exporter)\",".utf8) : []
        let churn = Array("churn=\"\(page.scrape)\",".utf8)
        let session = Array("session=\"".utf8)
        // The longest moving label, the number with its point and the line's end.
        let roomEach = label.count + session.count + 2 * PageWriter.mostDigits + 8
        return PageWriter.page(roomBytes: text.count + series.count * roomEach + 8) { writer in
            let text = text.span
            var left = page.visible
            for place in families.indices where left > 0 {
                let family = families[order?.families[place] ?? place]
                writer.append(text.extracting(isOpen ? family.openComments : family.comments))
                let growth = growth(of: family, scrape: page.scrape)
                for place in family.lines {
                    let one = series[order?.lines[place] ?? place]
                    if one.growth > growth { continue }
                    if left == 0 { break }
                    left -= 1
                    writer.append(text.extracting(one.head))
                    if page.isDistinct { writer.append(label.span) }
                    switch one.movingLabel {
                    case .none: break
                    case .churn: writer.append(churn.span)
                    case .session(let place):
                        writer.append(session.span)
                        writer.append(decimal: self.session(at: place, scrape: page.scrape))
                        writer.append(UInt8(ascii: "\""))
                        writer.append(UInt8(ascii: ","))
                    }
                    writer.append(text.extracting(isOpen ? one.openLabels : one.labels))
                    append(one, page, to: &writer)
                    writer.append(UInt8(ascii: "\n"))
                }
            }
            if isOpen { writer.append("# EOF\n".utf8Span.span) }
        }
    }

    private func append(_ one: Series, _ page: PageID, to writer: inout PageWriter) {
        let count = count(of: one, numbers: page.numbers, scrape: page.scrape)
        switch one.kind {
        case .counter, .count: writer.append(decimal: count)
        case .gauge: writer.append(fixed: Self.gauge(count), divisor: 100)
        case .bucket(let permille, _): writer.append(decimal: count &* permille / 1_000)
        case .sum: writer.append(fixed: count &* 137, divisor: 1_000)
        }
    }
}
