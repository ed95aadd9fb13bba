/// Counts of samples as files state them. A file is of any origin: what it says is bounded where it is read,
/// and sums end at a bound rather than overflow.
enum SampleCount {
    /// More than any buffer has counted: a million samples a second for 285 years.
    static let limit: UInt64 = 1 << 53

    /// At most what fits a signed number, too.
    static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
    }

    /// `appended`, less all of `others`.
    static func rest(_ appended: UInt64, _ base: Int64, _ others: UInt64...) -> Int64 {
        var rest = Int128(appended) - Int128(base)
        for other in others { rest -= Int128(other) }
        return Int64(clamping: rest)
    }
}

extension Wire {
    /// A count of samples; nil for one that cannot be.
    static func samples(_ bytes: Span<UInt8>, _ offset: inout Int) -> UInt64? {
        varint(bytes, &offset).flatMap { $0 <= SampleCount.limit ? $0 : nil }
    }

    /// The same where it may be below zero.
    static func signedSamples(_ bytes: Span<UInt8>, _ offset: inout Int) -> Int64? {
        signed(bytes, &offset).flatMap { $0.magnitude <= SampleCount.limit ? $0 : nil }
    }
}
