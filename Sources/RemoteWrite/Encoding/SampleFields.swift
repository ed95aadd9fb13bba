internal import MetricModel

/// The fields of a TimeSeries behind its labels, for series that are more than one plain sample: histograms
/// and samples with exemplars. Written as protobuf-c packs them (Protos), but that -0.0 stays what it is.
///
/// Both versions of remote write have the same messages but for the numbers of their fields in TimeSeries,
/// for start timestamps, and for the labels of exemplars, which are references in 2.0.
struct SampleFields {
    private(set) var bytes: [UInt8] = []
    /// The message being written, before its length is known.
    private var message: [UInt8] = []

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// `startMs` is known to 2.0 only; 0 for none.
    mutating func putSample(valueBits: UInt64, timestampMs: Int64, startMs: Int64 = 0) {
        message.removeAll(keepingCapacity: true)
        double(1, valueBits)
        integer(2, UInt64(bitPattern: timestampMs))
        integer(3, UInt64(bitPattern: startMs))
        finish(0x12)
    }

    /// `sampleMs` is the time of the sample that it stands beside.
    mutating func putExemplar(_ exemplar: Exemplar, sampleMs: Int64) {
        message.removeAll(keepingCapacity: true)
        message.append(contentsOf: exemplar.encodedLabels)
        double(2, exemplar.value.bitPattern)
        integer(3, UInt64(bitPattern: exemplar.timestampMs ?? sampleMs))
        finish(0x1A)
    }

    /// The same for 2.0: `references` are its labels, a name and a value in turn.
    mutating func putExemplar(_ exemplar: Exemplar, references: [UInt32], sampleMs: Int64) {
        message.removeAll(keepingCapacity: true)
        if !references.isEmpty {
            tag(1, 2)
            ProtobufWire.appendVarint(
                UInt64(references.reduce(0) { $0 + Self.length(UInt64($1)) }), to: &message)
            for reference in references { ProtobufWire.appendVarint(UInt64(reference), to: &message) }
        }
        double(2, exemplar.value.bitPattern)
        integer(3, UInt64(bitPattern: exemplar.timestampMs ?? sampleMs))
        finish(0x22)
    }

    /// `startMs` is known to 2.0 only; 0 for none.
    mutating func putHistogram(
        _ histogram: NativeHistogram, timestampMs: Int64, startMs: Int64 = 0, of message: WriteMessage = .v1
    ) {
        fillHistogram(histogram, timestampMs: timestampMs, startMs: startMs)
        // `TimeSeries.histograms`.
        finish(message == .v1 ? 0x22 : 0x1A)
    }

    private mutating func fillHistogram(_ histogram: NativeHistogram, timestampMs: Int64, startMs: Int64) {
        message.removeAll(keepingCapacity: true)
        switch histogram.counts {
        case .integer(let count, _, _, _):
            tag(1, 0)
            ProtobufWire.appendVarint(count, to: &message)
        case .float(let count, _, _, _):
            tag(2, 1)
            fixed64(count.bitPattern)
        }
        double(3, histogram.sum.bitPattern)
        integer(4, Self.zigzag(Int64(histogram.schema)))
        double(5, histogram.zeroThreshold.bitPattern)
        switch histogram.counts {
        case .integer(_, let zeroCount, let positive, let negative):
            tag(6, 0)
            ProtobufWire.appendVarint(zeroCount, to: &message)
            spans(8, histogram.negativeSpans)
            deltas(9, negative)
            spans(11, histogram.positiveSpans)
            deltas(12, positive)
        case .float(_, let zeroCount, let positive, let negative):
            tag(7, 1)
            fixed64(zeroCount.bitPattern)
            spans(8, histogram.negativeSpans)
            doubles(10, negative)
            spans(11, histogram.positiveSpans)
            doubles(13, positive)
        }
        integer(14, UInt64(histogram.resetHint.rawValue))
        integer(15, UInt64(bitPattern: timestampMs))
        doubles(16, histogram.customValues)
        integer(17, UInt64(bitPattern: startMs))
    }

    /// The sample that ends a histogram: an empty one with the marker for its sum (prometheus/tsdb, Head;
    /// model/value).
    mutating func putStaleHistogram(timestampMs: Int64, of message: WriteMessage = .v1) {
        putHistogram(
            NativeHistogram(
                schema: 0, sum: StaleMarker.value,
                counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: [])),
            timestampMs: timestampMs, of: message)
    }

    // MARK: protobuf

    private mutating func finish(_ tag: UInt8) {
        bytes.append(tag)
        ProtobufWire.appendVarint(UInt64(message.count), to: &bytes)
        bytes.append(contentsOf: message)
    }

    private mutating func tag(_ field: Int, _ wireType: Int) {
        ProtobufWire.appendVarint(UInt64(field << 3 | wireType), to: &message)
    }

    private mutating func fixed64(_ bits: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            message.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
    }

    /// Nothing for 0, the default.
    private mutating func double(_ field: Int, _ bits: UInt64) {
        guard bits != 0 else { return }
        tag(field, 1)
        fixed64(bits)
    }

    /// Nothing for 0, the default.
    private mutating func integer(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, 0)
        ProtobufWire.appendVarint(value, to: &message)
    }

    private mutating func spans(_ field: Int, _ spans: [NativeHistogram.BucketSpan]) {
        for span in spans {
            let offset = Self.zigzag(Int64(span.offset))
            let offsetLength = span.offset == 0 ? 0 : 1 + Self.length(offset)
            let length = span.length == 0 ? 0 : 1 + Self.length(UInt64(span.length))
            tag(field, 2)
            ProtobufWire.appendVarint(UInt64(offsetLength + length), to: &message)
            integer(1, offset)
            integer(2, UInt64(span.length))
        }
    }

    private mutating func deltas(_ field: Int, _ deltas: [Int64]) {
        guard !deltas.isEmpty else { return }
        tag(field, 2)
        ProtobufWire.appendVarint(
            UInt64(deltas.reduce(0) { $0 + Self.length(Self.zigzag($1)) }), to: &message)
        for delta in deltas { ProtobufWire.appendVarint(Self.zigzag(delta), to: &message) }
    }

    private mutating func doubles(_ field: Int, _ values: [Double]) {
        guard !values.isEmpty else { return }
        tag(field, 2)
        ProtobufWire.appendVarint(UInt64(values.count * 8), to: &message)
        for value in values { fixed64(value.bitPattern) }
    }

    private static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

    /// Seven bits a byte; zero takes one.
    private static func length(_ value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }
}
