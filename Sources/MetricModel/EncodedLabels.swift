/// Reads encoded `TimeSeries.labels` fields back.
public enum EncodedLabels {
    /// The labels in the order they stand in; nil when the bytes are not a sequence of label fields.
    public static func decode(_ encoded: [UInt8]) -> [Label]? {
        let bytes = encoded.span
        var labels: [Label] = []
        var offset = 0
        func field(_ tag: UInt8) -> Range<Int>? {
            guard offset < bytes.count, bytes[offset] == tag else { return nil }
            offset += 1
            guard let length = ProtobufWire.readVarint(bytes, at: &offset),
                length <= UInt64(bytes.count - offset)
            else { return nil }
            return offset..<offset + Int(length)
        }
        while offset < bytes.count {
            guard let label = field(0x0A), let name = field(0x0A) else { return nil }
            offset = name.upperBound
            guard let value = field(0x12), value.upperBound == label.upperBound else { return nil }
            offset = value.upperBound
            labels.append(
                Label(
                    String(decoding: encoded[name], as: UTF8.self),
                    String(decoding: encoded[value], as: UTF8.self)))
        }
        return labels
    }
}
