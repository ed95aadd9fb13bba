/// The rules that a receiver of remote write 1.0 holds a series' labels to.
enum LabelRules {
    /// Labels of a series; AMP's quota.
    static let maxLabels = 150

    /// What is wrong with the labels of a series, in a receiver's words; nil when nothing is.
    static func fault(_ request: DecodedRequest, _ series: DecodedRequest.Series) -> String? {
        let labels = request.labels[series.labels]
        guard labels.count <= maxLabels else {
            return "series has \(labels.count) label names; limit: \(maxLabels)"
        }
        var before: ArraySlice<UInt8>?
        var metricName: ArraySlice<UInt8>?
        for label in labels {
            let name = request.name(label)
            if name.isEmpty { return "invalid label: empty label name" }
            guard isLabelName(name) else { return "invalid label: '\(text(name))'" }
            guard !request.value(label).isEmpty else {
                return "invalid label: empty value of '\(text(name))'"
            }
            guard isText(request.value(label)) else {
                return "invalid label: value of '\(text(name))' is not UTF-8"
            }
            if let before {
                if before.elementsEqual(name) { return "duplicate label name '\(text(name))'" }
                guard before.lexicographicallyPrecedes(name) else {
                    return "labels are not sorted: '\(text(name))' after '\(text(before))'"
                }
            }
            before = name
            if name.elementsEqual("__name__".utf8) { metricName = request.value(label) }
        }
        guard let metricName else { return "missing metric name" }
        return isMetricName(metricName) ? nil : "invalid metric name: '\(text(metricName))'"
    }

    /// Whether agents make series of this name by themselves, beside what an exporter shows: `up`, and the
    /// report of each scrape.
    static func isOfAgents(_ metricName: String) -> Bool {
        metricName == "up" || metricName.hasPrefix("scrape_")
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`: AMP refuses UTF-8 names.
    static func isLabelName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, isLetter(first) else { return false }
        return name.allSatisfy { isLetter($0) || isDigit($0) }
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    static func isMetricName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, isLetter(first) || first == UInt8(ascii: ":") else { return false }
        return name.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: ":") }
    }

    private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || byte == UInt8(ascii: "_")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
