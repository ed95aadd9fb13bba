extension ExporterShape {
    /// One scrape's page. `scrape` counts from 0; `exporter` moves every number a little, and stands in a
    /// label of its own when `isDistinct`. Only the first `visible` series are shown.
    func body(exporter: Int, scrape: UInt64, isDistinct: Bool = false, visible: Int = .max) -> [UInt8] {
        let shown = series.prefix(visible)
        let label = isDistinct ? Array("exporter=\"\(exporter)\",".utf8) : []
        var page: [UInt8] = []
        page.reserveCapacity((shown.last?.textEnd ?? 0) + shown.count * (16 + label.count))
        var start = 0
        for one in shown {
            page.append(contentsOf: text[start..<one.insertAt])
            if isDistinct { page.append(contentsOf: label) }
            page.append(contentsOf: text[one.insertAt..<one.textEnd])
            let count = one.base &+ UInt64(exporter) &+ scrape &* one.step
            switch one.kind {
            case .counter: Self.append(count, to: &page)
            case .gauge:
                Self.appendFixed(1_500 &+ Self.triangle(count, period: 4_096), decimals: 2, to: &page)
            case .bucket(let permille): Self.append(count &* permille / 1_000, to: &page)
            case .sum: Self.appendFixed(count &* 137, decimals: 3, to: &page)
            }
            page.append(UInt8(ascii: "\n"))
            start = one.textEnd
        }
        return page
    }

    /// Up from 0 to half the period and down again.
    private static func triangle(_ value: UInt64, period: UInt64) -> UInt64 {
        let phase = value % period
        return min(phase, period - phase)
    }

    private static func append(_ value: UInt64, to page: inout [UInt8]) {
        // UInt64.max has 20 digits.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = value
        repeat {
            first -= 1
            let (tens, ones) = rest.quotientAndRemainder(dividingBy: 10)
            digits[first] = UInt8(ascii: "0") + UInt8(ones)
            rest = tens
        } while rest > 0
        for index in first..<20 { page.append(digits[index]) }
    }

    /// `value` divided by ten to the power of `decimals`.
    private static func appendFixed(_ value: UInt64, decimals: Int, to page: inout [UInt8]) {
        var scale: UInt64 = 1
        for _ in 0..<decimals { scale *= 10 }
        append(value / scale, to: &page)
        page.append(UInt8(ascii: "."))
        var rest = value % scale
        for _ in 0..<decimals {
            scale /= 10
            page.append(UInt8(ascii: "0") + UInt8(rest / scale))
            rest %= scale
        }
    }
}
