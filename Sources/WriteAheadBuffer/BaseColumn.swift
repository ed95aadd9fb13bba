internal import MetricModel

/// The values of a target's frame before, which the next one is written or read against.
///
/// The last frame of a target has nothing but stale markers, and its column is kept until the segment ends.
/// Such a column is therefore stored as the number of its markers, which takes no memory a series.
struct BaseColumn: Sendable {
    private let kept: [Double]
    /// Markers in place of `kept`.
    private let markerCount: Int

    /// `values`: one a series, in the order of the layout.
    init(_ values: [Double]) {
        let isEnding = values.allSatisfy { StaleMarker.isStale($0) }
        kept = isEnding ? [] : values
        markerCount = isEnding ? values.count : 0
    }

    init() { self.init([]) }

    var values: [Double] {
        markerCount > 0 ? Array(repeating: StaleMarker.value, count: markerCount) : kept
    }

    /// What is allocated for it.
    var byteCount: Int { kept.capacity * MemoryLayout<Double>.stride }
}
