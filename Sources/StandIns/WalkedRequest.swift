/// A WriteRequest 1.0 of the usual shape, read without its labels: series that are labels, then samples, and
/// nothing else. Which series it is says a hash of the bytes of its labels, since a sender writes the same
/// labels alike in each request; what they mean is decoded once.
struct WalkedRequest {
    struct Series {
        /// Of the encoded labels.
        let labelHash: UInt64
        /// In the message: the whole field, which is a message of one series.
        let field: Range<Int>
        /// Of `samples`.
        let samples: Range<Int>
    }

    private(set) var series: [Series] = []
    private(set) var samples: [DecodedRequest.Sample] = []

    /// Nil for any other shape, metadata and exemplars for instance, and for what cannot be read: protobuf-c
    /// reads those. The samples are checked whole here; the labels of a known hash have been before.
    ///
    /// remote.proto: WriteRequest{1: TimeSeries{1: Label, 2: Sample{1: double, 2: int64}}}.
    init?(_ message: Span<UInt8>, seed: UInt64) {
        // A series has about 200 bytes, and one sample.
        series.reserveCapacity(message.count / 128)
        samples.reserveCapacity(message.count / 128)
        var offset = 0
        while offset < message.count {
            let start = offset
            guard let end = Self.enter(0x0A, message, &offset, message.count) else { return nil }
            let labels = offset
            while offset < end, message[offset] == 0x0A {
                guard let labelEnd = Self.enter(0x0A, message, &offset, end) else { return nil }
                offset = labelEnd
            }
            let hash = SeriesKey.ofBytes(message, labels..<offset, seed: seed)
            let first = samples.count
            while offset < end {
                guard let sampleEnd = Self.enter(0x12, message, &offset, end),
                    let sample = Self.sample(message, &offset, sampleEnd)
                else { return nil }
                samples.append(sample)
            }
            series.append(Series(labelHash: hash, field: start..<end, samples: first..<samples.count))
        }
    }

    /// The end of a field that has this tag and a length, and stands at `offset`, which is moved to its
    /// content; nil when there is none.
    @inline(__always)
    private static func enter(
        _ tag: UInt8, _ message: Span<UInt8>, _ offset: inout Int, _ end: Int
    ) -> Int? {
        guard message[offset] == tag else { return nil }
        offset += 1
        guard let count = varint(message, &offset, end), count <= UInt64(end - offset) else { return nil }
        return offset + Int(count)
    }

    @inline(__always)
    private static func sample(
        _ message: Span<UInt8>, _ offset: inout Int, _ end: Int
    ) -> DecodedRequest.Sample? {
        var value: UInt64 = 0
        var timestampMs: UInt64 = 0
        while offset < end {
            let tag = message[offset]
            offset += 1
            switch tag {
            case 0x09:
                guard end - offset >= 8 else { return nil }
                value = SeriesKey.word(message, at: offset)
                offset += 8
            case 0x10:
                guard let read = varint(message, &offset, end) else { return nil }
                timestampMs = read
            default: return nil
            }
        }
        return DecodedRequest.Sample(
            timestampMs: Int64(bitPattern: timestampMs), value: Double(bitPattern: value))
    }

    /// Nil for one that goes beyond `end` or 64 bits.
    @inline(__always)
    private static func varint(_ message: Span<UInt8>, _ offset: inout Int, _ end: Int) -> UInt64? {
        guard offset < end else { return nil }
        let first = message[offset]
        offset += 1
        guard first >= 0x80 else { return UInt64(first) }
        var value = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while offset < end, shift < 63 {
            let byte = message[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        // The tenth byte has one bit.
        guard offset < end, message[offset] <= 1 else { return nil }
        value |= UInt64(message[offset]) << 63
        offset += 1
        return value
    }
}
