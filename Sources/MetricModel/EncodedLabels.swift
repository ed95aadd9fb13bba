/// Reads encoded `TimeSeries.labels` fields back.
public enum EncodedLabels {
    /// The labels in the order they stand in; nil when the bytes are not a sequence of label fields.
    public static func decode(_ encoded: [UInt8]) -> [Label]? {
        var labels: [Label] = []
        var offset = 0
        while offset < encoded.count {
            guard let label = next(encoded.span, at: &offset) else { return nil }
            labels.append(
                Label(
                    String(decoding: encoded[label.name], as: UTF8.self),
                    String(decoding: encoded[label.value], as: UTF8.self)))
        }
        return labels
    }

    /// Where name and value of the label at `offset` stand, which moves behind it; nil when no label field
    /// begins there.
    public static func next(
        _ bytes: Span<UInt8>, at offset: inout Int
    ) -> (name: Range<Int>, value: Range<Int>)? {
        guard let label = field(0x0A, bytes, &offset), let name = field(0x0A, bytes, &offset) else {
            return nil
        }
        offset = name.upperBound
        guard let value = field(0x12, bytes, &offset), value.upperBound == label.upperBound else {
            return nil
        }
        offset = value.upperBound
        return (name, value)
    }

    /// The content of a length-delimited field; `offset` then stands at its start.
    private static func field(_ tag: UInt8, _ bytes: Span<UInt8>, _ offset: inout Int) -> Range<Int>? {
        guard offset < bytes.count, bytes[offset] == tag else { return nil }
        offset += 1
        guard let length = ProtobufWire.readVarint(bytes, at: &offset),
            length <= UInt64(bytes.count - offset)
        else { return nil }
        return offset..<offset + Int(length)
    }
}
