/// The form that OpenMetrics gives floats in label values, so that `le="1"` and `le="1.0"` are one series.
enum OpenMetricsFloat {
    /// `value` as Prometheus writes it: shortest digits, `1.0`, `0.005`, `1e+06`, `+Inf`.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Negative zero too.
        if value == 0 { return "0.0" }
        let sign = value < 0 ? "-" : ""
        let (digits, pointAt) = shortestDigits(value.magnitude)
        let exponent = pointAt - 1
        // Go's %g with the shortest precision takes the exponent from 10^6 on and below 10^-4.
        if exponent < -4 || exponent >= 6 {
            return sign + scientific(digits, exponent)
        }
        if pointAt <= 0 { return sign + "0." + String(repeating: "0", count: -pointAt) + digits }
        if pointAt >= digits.count {
            return sign + digits + String(repeating: "0", count: pointAt - digits.count) + ".0"
        }
        return sign + digits.prefix(pointAt) + "." + digits.dropFirst(pointAt)
    }

    /// The normal form of a label value's bytes; nil when they are no float, and stay as they are.
    static func normalized(_ bytes: RawSpan, _ range: Range<Int>) -> String? {
        DecimalFloat.parse(bytes, range).map(text)
    }

    /// Whether the bytes are certainly in the normal form: `+Inf`, or digits on both sides of a point without
    /// zeros that could be left out, few enough of them that a float has them all.
    static func isPlain(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        if range.count == 4, bytes.hasPrefix("+Inf", at: range.lowerBound) { return true }
        guard range.count >= 3, range.count <= 16 else { return false }
        var point: Int?
        for offset in range {
            let byte = bytes.byte(offset)
            if byte == UInt8(ascii: "."), point == nil {
                point = offset
            } else if !Byte.isDigit(byte) {
                return false
            }
        }
        guard let point else { return false }
        let whole = point - range.lowerBound
        let fraction = range.upperBound - point - 1
        guard whole >= 1, whole <= 6, fraction >= 1 else { return false }
        let zero = UInt8(ascii: "0")
        let isZero = bytes.byte(range.lowerBound) == zero
        if whole > 1, isZero { return false }
        // Below 0.0001 there is an exponent.
        if whole == 1, isZero, fraction >= 4 {
            let isSmall = (1...4).allSatisfy { bytes.byte(point + $0) == zero }
            if isSmall { return false }
        }
        return fraction == 1 || bytes.byte(range.upperBound - 1) != zero
    }

    private static func scientific(_ digits: String, _ exponent: Int) -> String {
        var result = String(digits.prefix(1))
        if digits.utf8.count > 1 { result += "." + digits.dropFirst() }
        let magnitude = String(abs(exponent))
        return result + "e" + (exponent < 0 ? "-" : "+") + (magnitude.utf8.count < 2 ? "0" : "") + magnitude
    }

    /// The fewest digits that give `value` back, without zeros at either end, and where the point stands:
    /// 0.d₁d₂… × 10^pointAt. The standard library's description has these digits.
    private static func shortestDigits(_ value: Double) -> (digits: String, pointAt: Int) {
        var digits: [UInt8] = []
        var pointAt: Int?
        var exponent = 0
        var rest = Array("\(value)".utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "."): pointAt = digits.count
            case UInt8(ascii: "e"):
                exponent = Int(String(decoding: rest, as: UTF8.self)) ?? 0
                rest = []
            default: digits.append(byte)
            }
        }
        var point = (pointAt ?? digits.count) + exponent
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leading)
        point -= leading
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (String(decoding: digits, as: UTF8.self), point)
    }
}
