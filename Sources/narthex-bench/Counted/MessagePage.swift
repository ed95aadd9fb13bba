import MetricModel

/// A page of counters as protobuf: each family is a MetricFamily of `io.prometheus.client` behind its length.
enum MessagePage {
    /// The same page from text without escapes, in which each family begins with its HELP and TYPE.
    static func messages(of text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var family: [UInt8] = []
        func flush() {
            guard !family.isEmpty else { return }
            ProtobufWire.appendVarint(UInt64(family.count), to: &result)
            result += family
            family = []
        }
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
            if line.starts(with: "# HELP ".utf8), words.count == 4 {
                flush()
                append(1, Array(words[2]), to: &family)
                append(2, Array(words[3]), to: &family)
            } else if line.first != UInt8(ascii: "#") {
                append(4, metric(line), to: &family)
            }
        }
        flush()
        return result
    }

    /// A Metric of `name{label="value",…} number`.
    private static func metric(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        // In front of each quote but the last stands a name or a value.
        var words = line.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)[...]
        let end = words.popLast()?.drop { $0 != 0x20 }.dropFirst() ?? []
        let number = Double(String(decoding: end, as: UTF8.self)) ?? 0
        while let name = words.popFirst(), let value = words.popFirst() {
            var pair: [UInt8] = []
            let start = name.firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: ",") }
            append(1, Array(name[((start ?? name.startIndex) + 1)...].dropLast()), to: &pair)
            append(2, Array(value), to: &pair)
            append(1, pair, to: &result)
        }
        // Counter.value, a double.
        var counter: [UInt8] = [1 << 3 | 1]
        let bits = number.bitPattern
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            counter.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        append(3, counter, to: &result)
        return result
    }

    private static func append(_ field: UInt64, _ content: [UInt8], to bytes: inout [UInt8]) {
        ProtobufWire.appendVarint(field << 3 | 2, to: &bytes)
        ProtobufWire.appendVarint(UInt64(content.count), to: &bytes)
        bytes += content
    }
}
