internal import MetricModel

/// Requests of remote write 1.0 that hold metadata of metric families and no samples.
enum MetadataRequest {
    /// `WriteRequest.metadata` of each family, as protobuf-c packs them.
    static func pack(_ families: ArraySlice<MetricMetadata>) -> [UInt8] {
        var bytes: [UInt8] = []
        var message: [UInt8] = []
        for family in families {
            message.removeAll(keepingCapacity: true)
            if family.kind != .unknown {
                message.append(0x08)
                message.append(family.kind.rawValue)
            }
            append(0x12, family.family, to: &message)
            append(0x22, family.help, to: &message)
            append(0x2A, family.unit, to: &message)
            bytes.append(0x1A)
            ProtobufWire.appendVarint(UInt64(message.count), to: &bytes)
            bytes += message
        }
        return bytes
    }

    /// Nothing for an empty text, the default.
    private static func append(_ tag: UInt8, _ text: String, to message: inout [UInt8]) {
        guard !text.isEmpty else { return }
        message.append(tag)
        ProtobufWire.appendVarint(UInt64(text.utf8.count), to: &message)
        message += Array(text.utf8)
    }

    /// Cuts families into requests of at most `count` and `limitBytes` uncompressed bytes, but for one alone.
    static func batches(_ families: [MetricMetadata], count: Int, limitBytes: Int) -> [ArraySlice<
        MetricMetadata
    >] {
        var batches: [ArraySlice<MetricMetadata>] = []
        var start = 0
        var bytes = 0
        for (index, family) in families.enumerated() {
            // Tags and lengths take less than 32.
            let own = family.family.utf8.count + family.help.utf8.count + family.unit.utf8.count + 32
            if index > start, index - start >= max(1, count) || bytes + own > limitBytes {
                batches.append(families[start..<index])
                start = index
                bytes = 0
            }
            bytes += own
        }
        if start < families.count { batches.append(families[start...]) }
        return batches
    }
}
