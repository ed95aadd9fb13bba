/// The timestamps of a WriteRequest 1.0, read without its labels and values: some ten nanoseconds a series,
/// so that a receiver can count every request and read only some of them whole.
struct SampleTimes: Equatable {
    /// Samples that follow each other and have the same timestamp.
    struct Run: Equatable {
        let timestampMs: Int64
        var samples: Int
    }

    private(set) var runs: [Run] = []

    var samples: Int { runs.reduce(0) { $0 + $1.samples } }

    /// Reads an uncompressed message; nil where it cannot be read.
    ///
    /// remote.proto: WriteRequest{1: TimeSeries{1: Label, 2: Sample{1: double, 2: int64}}}.
    init?(_ message: Span<UInt8>) {
        var fields = Fields(0..<message.count)
        while let field = fields.next(in: message) {
            guard field.number == 1, let bytes = field.bytes else { continue }
            var parts = Fields(bytes)
            while let part = parts.next(in: message) {
                guard part.number == 2, let bytes = part.bytes else { continue }
                var timestampMs: Int64 = 0
                var sample = Fields(bytes)
                while let one = sample.next(in: message) {
                    if one.number == 2, one.bytes == nil { timestampMs = Int64(bitPattern: one.value) }
                }
                guard sample.isWhole else { return nil }
                note(timestampMs)
            }
            guard parts.isWhole else { return nil }
        }
        guard fields.isWhole else { return nil }
    }

    /// Of samples in their order.
    init(_ samples: [DecodedRequest.Sample]) {
        for sample in samples { note(sample.timestampMs) }
    }

    private mutating func note(_ timestampMs: Int64) {
        if let last = runs.last, last.timestampMs == timestampMs {
            runs[runs.count - 1].samples += 1
        } else {
            runs.append(Run(timestampMs: timestampMs, samples: 1))
        }
    }

    /// The fields of one message, one after the other.
    private struct Fields {
        struct Field {
            let number: UInt64
            /// Where the content stands of a field that has a length; nil for other fields.
            let bytes: Range<Int>?
            /// The number of a varint field; 0 for other fields.
            let value: UInt64
        }

        private var offset: Int
        private let end: Int
        /// False once something could not be read.
        private(set) var isWhole = true

        init(_ bytes: Range<Int>) {
            offset = bytes.lowerBound
            end = bytes.upperBound
        }

        /// nil at the end, and where there is no field.
        mutating func next(in message: Span<UInt8>) -> Field? {
            guard offset < end, isWhole else { return nil }
            let tag = varint(message)
            switch tag & 7 {
            case 0: return field(tag, nil, varint(message))
            case 1: return skip(8) ? field(tag, nil, 0) : nil
            case 2:
                let count = varint(message)
                let start = offset
                guard count <= UInt64(end - start), skip(Int(count)) else {
                    isWhole = false
                    return nil
                }
                return field(tag, start..<offset, 0)
            case 5: return skip(4) ? field(tag, nil, 0) : nil
            default:
                isWhole = false
                return nil
            }
        }

        private func field(_ tag: UInt64, _ bytes: Range<Int>?, _ value: UInt64) -> Field? {
            isWhole ? Field(number: tag >> 3, bytes: bytes, value: value) : nil
        }

        private mutating func skip(_ count: Int) -> Bool {
            guard isWhole, count <= end - offset else {
                isWhole = false
                return false
            }
            offset += count
            return true
        }

        private mutating func varint(_ message: Span<UInt8>) -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while offset < end, shift < 64 {
                let byte = message[offset]
                offset += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            isWhole = false
            return 0
        }
    }
}
