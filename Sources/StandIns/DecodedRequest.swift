/// A WriteRequest 1.0 as flat arrays: few allocations however many series it has.
struct DecodedRequest: Sendable {
    struct Series: Sendable {
        /// Names the labels as a whole.
        let key: UInt64
        /// Of `labels`.
        let labels: Range<Int>
        /// Of `samples`.
        let samples: Range<Int>
        let exemplars: Int
        let histograms: Int
    }

    /// Where a label's name and value end in `text`; the name begins where the value before it ended.
    struct Label: Sendable {
        let start: Int
        let nameEnd: Int
        let valueEnd: Int
    }

    struct Sample: Sendable {
        let timestampMs: Int64
        let value: Double
    }

    var text: [UInt8] = []
    var labels: [Label] = []
    var samples: [Sample] = []
    var series: [Series] = []
    var metadata = 0
    var uncompressedBytes = 0

    func name(_ label: Label) -> ArraySlice<UInt8> { text[label.start..<label.nameEnd] }
    func value(_ label: Label) -> ArraySlice<UInt8> { text[label.nameEnd..<label.valueEnd] }

    /// A series' labels as text.
    func strings(_ one: Series) -> [(name: String, value: String)] {
        labels[one.labels].map {
            (String(decoding: name($0), as: UTF8.self), String(decoding: value($0), as: UTF8.self))
        }
    }

    /// As Prometheus writes it: `{__name__="up", job="a"}`.
    func description(_ one: Series) -> String {
        "{" + strings(one).map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ", ") + "}"
    }
}
