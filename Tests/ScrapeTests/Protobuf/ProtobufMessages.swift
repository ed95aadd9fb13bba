import MetricModel

@testable import Scrape

/// Protobuf messages written field by field, as an exporter would.
struct ProtoMessage {
    var bytes: [UInt8] = []

    init(_ fill: (inout ProtoMessage) -> Void = { _ in }) { fill(&self) }

    mutating func varint(_ field: Int, _ value: UInt64) {
        ProtobufWire.appendVarint(UInt64(field << 3), to: &bytes)
        ProtobufWire.appendVarint(value, to: &bytes)
    }

    mutating func signed(_ field: Int, _ value: Int64) {
        varint(field, UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func double(_ field: Int, _ value: Double) {
        ProtobufWire.appendVarint(UInt64(field << 3 | 1), to: &bytes)
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
        }
    }

    mutating func raw(_ field: Int, _ content: [UInt8]) {
        ProtobufWire.appendVarint(UInt64(field << 3 | 2), to: &bytes)
        ProtobufWire.appendVarint(UInt64(content.count), to: &bytes)
        bytes += content
    }

    mutating func text(_ field: Int, _ value: String) { raw(field, Array(value.utf8)) }

    mutating func message(_ field: Int, _ fill: (inout ProtoMessage) -> Void) {
        raw(field, ProtoMessage(fill).bytes)
    }

    /// sint64 and double lists, packed.
    mutating func packed(_ field: Int, signed values: [Int64]) {
        var content: [UInt8] = []
        for value in values {
            ProtobufWire.appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)), to: &content)
        }
        raw(field, content)
    }

    mutating func packed(_ field: Int, doubles values: [Double]) {
        var content = ProtoMessage()
        for value in values { content.double(1, value) }
        // Without the tags that `double` writes.
        let bare = stride(from: 0, to: content.bytes.count, by: 9).flatMap {
            content.bytes[($0 + 1)..<($0 + 9)]
        }
        raw(field, bare)
    }

    // MARK: io.prometheus.client

    /// The help text of this MetricFamily, as far as it is copied.
    func copiedHelp() throws -> [UInt8] {
        // Safety: bytes have no padding.
        let body = unsafe bytes.span.bytes
        return try MetricFamilyHeader(body, 0..<bytes.count).text(.help, body)
    }

    mutating func label(_ name: String, _ value: String) {
        message(1) {
            $0.text(1, name)
            $0.text(2, value)
        }
    }

    mutating func timestamp(_ field: Int, ms: Int64) {
        message(field) {
            $0.varint(1, UInt64(bitPattern: ms / 1_000))
            $0.varint(2, UInt64(bitPattern: ms % 1_000 * 1_000_000))
        }
    }

    mutating func exemplar(_ field: Int, _ id: String, _ value: Double, ms: Int64?) {
        message(field) {
            $0.label("trace_id", id)
            $0.double(2, value)
            if let ms { $0.timestamp(3, ms: ms) }
        }
    }

    mutating func span(_ field: Int, _ offset: Int64, _ length: UInt64) {
        message(field) {
            $0.signed(1, offset)
            $0.varint(2, length)
        }
    }

    mutating func bucket(_ bound: Double, _ count: UInt64, _ fill: (inout ProtoMessage) -> Void = { _ in }) {
        message(3) {
            $0.varint(1, count)
            $0.double(2, bound)
            fill(&$0)
        }
    }
}

enum ProtoBody {
    /// A delimited MetricFamily; each of `metrics` fills one Metric.
    static func family(
        _ name: String, _ type: UInt64, help: String = "", unit: String = "",
        _ metrics: [(inout ProtoMessage) -> Void]
    ) -> [UInt8] {
        let family = ProtoMessage {
            $0.text(1, name)
            if !help.isEmpty { $0.text(2, help) }
            if type != 0 { $0.varint(3, type) }
            for metric in metrics { $0.message(4, metric) }
            if !unit.isEmpty { $0.text(5, unit) }
        }
        var bytes: [UInt8] = []
        ProtobufWire.appendVarint(UInt64(family.bytes.count), to: &bytes)
        return bytes + family.bytes
    }
}

extension TargetScrape {
    func consume(protobuf bytes: [UInt8], at timestampMs: Int64) throws -> Frame {
        // Safety: the span is used only inside the closure, where the array's bytes live.
        try unsafe bytes.withUnsafeBytes { try unsafe consume(protobuf: $0.bytes, at: timestampMs) }
    }
}

extension ProtobufDecoder {
    mutating func read(protobuf bytes: [UInt8]) throws {
        // Safety: the span is used only inside the closure, where the array's bytes live.
        try unsafe bytes.withUnsafeBytes { try unsafe read($0.bytes) }
    }
}

extension ProtobufBodyReader {
    mutating func read(protobuf bytes: [UInt8], expected: [TemplateChunk]) throws {
        // Safety: the span is used only inside the closure, where the array's bytes live.
        try unsafe bytes.withUnsafeBytes { try unsafe read($0.bytes, expected: expected, extraValues: 0) }
    }
}
