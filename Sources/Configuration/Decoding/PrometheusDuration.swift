/// Durations as Prometheus writes them: `30s`, `1h30m`, `1d`, `500ms`; units y w d h m s ms, each at most
/// once and in this order. A year has 365 days. `0` needs no unit.
public enum PrometheusDuration {
    private static let units: [(name: String, ms: Int64)] = [
        ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000),
        ("s", 1_000), ("ms", 1),
    ]

    /// Milliseconds; nil when the text is not a duration or does not fit Go's nanoseconds in 64 bits (292
    /// years).
    public static func parse(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = Array(text.utf8)[...]
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        var nextUnit = 0
        while !rest.isEmpty {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard let count = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !(0x30...0x39).contains($0) }
            let name = String(decoding: letters, as: UTF8.self)
            guard let index = units[nextUnit...].firstIndex(where: { $0.name == name }) else { return nil }
            rest = rest.dropFirst(letters.count)
            nextUnit = index + 1
            let (product, tooLarge) = count.multipliedReportingOverflow(by: units[index].ms)
            let (sum, overflow) = total.addingReportingOverflow(product)
            guard !tooLarge, !overflow, sum <= Int64.max / 1_000_000 else { return nil }
            total = sum
        }
        return total
    }

    /// The shortest text, as Prometheus prints it in `__scrape_interval__`: years and weeks only
    /// when nothing is left over.
    public static func text(ms: Int64) -> String {
        guard ms > 0 else { return "0s" }
        var rest = ms
        var result = ""
        for unit in units {
            let exactOnly = ["y", "w"].contains(unit.name)
            guard rest >= unit.ms, !exactOnly || rest % unit.ms == 0 else { continue }
            result += "\(rest / unit.ms)\(unit.name)"
            rest %= unit.ms
        }
        return result
    }
}
