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

    /// The first families that fit a request of at most `count` and `limitBytes` uncompressed bytes; at least
    /// one where there is any.
    static func first(
        of families: ArraySlice<MetricMetadata>, count: Int, limitBytes: Int
    ) -> ArraySlice<MetricMetadata> {
        var bytes = 0
        for (index, family) in zip(families.indices, families) {
            // Tags and lengths take less than 32.
            bytes += family.family.utf8.count + family.help.utf8.count + family.unit.utf8.count + 32
            let isFull = index - families.startIndex >= max(1, count) || bytes > limitBytes
            if index > families.startIndex, isFull { return families[..<index] }
        }
        return families
    }

    /// The families under the names that their series are sent under where the receiver knows the legacy
    /// characters only; of those that have one name then the first.
    static func escaped(_ families: [MetricMetadata]) -> [MetricMetadata] {
        let own = Set(families.map(\.family))
        var seen: Set<String> = []
        return families.compactMap { family in
            var family = family
            if let name = NameEscaper.escaped(Array(family.family.utf8), isMetric: true) {
                family.family = String(decoding: name, as: UTF8.self)
                // One that needs no escaping has its name.
                guard !own.contains(family.family) else { return nil }
            }
            return seen.insert(family.family).inserted ? family : nil
        }
    }
}
