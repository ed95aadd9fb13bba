/// Sizes as Prometheus writes them: `15MB`, `512KiB`, `1.5GB`; KB and KiB are both 1,024 bytes. `0` needs no
/// unit.
public enum ByteSize {
    private static let prefixes: [Character] = ["K", "M", "G", "T", "P", "E"]

    /// Bytes; nil when the text is not a size, is negative or does not fit 63 bits.
    public static func parse(_ text: String) -> UInt64? {
        if text == "0" { return 0 }
        var rest = Substring(text)
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let count = Double(number), let factor = factor(unit) else { return nil }
            total += count * factor
        }
        return total < 0x1p63 ? UInt64(total) : nil
    }

    private static func factor(_ unit: Substring) -> Double? {
        if unit == "B" { return 1 }
        guard let first = unit.first, let power = prefixes.firstIndex(of: first),
            ["B", "iB"].contains(unit.dropFirst())
        else { return nil }
        return (0...power).reduce(1.0) { product, _ in product * 1_024 }
    }
}
