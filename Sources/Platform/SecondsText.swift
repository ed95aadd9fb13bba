/// Durations as headers and Prometheus' labels have them.
public enum SecondsText {
    /// Seconds without trailing zeros: `10`, `2.5`. `milliseconds` is not negative.
    public static func from(milliseconds: Int64) -> String {
        let rest = milliseconds % 1_000
        guard rest != 0 else { return "\(milliseconds / 1_000)" }
        var digits = String(repeating: "0", count: 3 - "\(rest)".utf8.count) + "\(rest)"
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(milliseconds / 1_000).\(digits)"
    }
}
