import MetricModel

/// Values as they are stored.
enum ScrapeValue {
    /// Any NaN becomes the one ordinary NaN.
    @inline(__always)
    static func normalized(_ value: Double) -> Double {
        value.isNaN ? Double(bitPattern: StaleMarker.ordinaryNaNBits) : value
    }
}
