internal import MetricModel

/// A frame's payload up to its column of values.
struct FramePrefix: Sendable {
    /// A departed chunk by its number in the segment.
    struct Departed: Sendable {
        let chunk: UInt32
        let series: [UInt32]
    }

    /// Where the frame stands in the log, in a segment whose frames say so; nil where that is the place of
    /// its record.
    var place: UInt64?
    /// No frame says a higher place.
    private static let mostPlace = UInt64(Int64.max)

    /// Frames of this target in this segment before it: the frame it is XOR-ed against has one less.
    var sequence: UInt32
    var layout: UInt32
    var timestampMs: Int64
    /// Samples of the target's job in this segment before this frame, so that what a damage took is known.
    var jobBefore: UInt64
    var sampleCount: UInt32
    var absent: [UInt32] = []
    var explicitTimestamps: [Frame.ExplicitTimestamp] = []
    var departed: [Departed] = []

    func put(into buffer: inout RecordBuffer) {
        if let place { buffer.putVarint(place) }
        buffer.putVarint(UInt64(sequence))
        buffer.putVarint(UInt64(layout))
        buffer.putFixed64(UInt64(bitPattern: timestampMs))
        buffer.putVarint(jobBefore)
        buffer.putVarint(UInt64(sampleCount))
        buffer.putAscending(absent)
        buffer.putAscending(explicitTimestamps.map(\.series))
        for explicit in explicitTimestamps { buffer.putSigned(explicit.timestampMs &- timestampMs) }
        buffer.putVarint(UInt64(departed.count))
        for group in departed {
            buffer.putVarint(UInt64(group.chunk))
            buffer.putAscending(group.series)
        }
    }

    init(sequence: UInt32, layout: UInt32, timestampMs: Int64, jobBefore: UInt64, sampleCount: UInt32) {
        self.sequence = sequence
        self.layout = layout
        self.timestampMs = timestampMs
        self.jobBefore = jobBefore
        self.sampleCount = sampleCount
    }

    /// Reads the prefix and moves `offset` to the column; nil when it is none.
    init?(_ payload: Span<UInt8>, _ offset: inout Int, hasPlace: Bool = false) {
        var place: UInt64?
        if hasPlace {
            guard let stated = Wire.varint(payload, &offset), stated <= Self.mostPlace else { return nil }
            place = stated
        }
        guard let sequence = Wire.varint32(payload, &offset), let layout = Wire.varint32(payload, &offset),
            let timestamp = Wire.fixed64(payload, &offset), let before = Wire.samples(payload, &offset),
            let samples = Wire.varint32(payload, &offset), let absent = Wire.ascending(payload, &offset),
            let explicit = Wire.ascending(payload, &offset)
        else { return nil }
        self.init(
            sequence: sequence, layout: layout, timestampMs: Int64(bitPattern: timestamp), jobBefore: before,
            sampleCount: samples)
        self.place = place
        self.absent = absent
        explicitTimestamps.reserveCapacity(explicit.count)
        for series in explicit {
            guard let delta = Wire.signed(payload, &offset) else { return nil }
            explicitTimestamps.append(.init(series: series, timestampMs: timestampMs &+ delta))
        }
        guard let groups = Wire.count(payload, &offset, itemBytes: 2) else { return nil }
        for _ in 0..<groups {
            guard let chunk = Wire.varint32(payload, &offset), let series = Wire.ascending(payload, &offset)
            else {
                return nil
            }
            departed.append(Departed(chunk: chunk, series: series))
        }
    }

    /// Whether the lists fit a layout of `series` series.
    func fits(series: Int) -> Bool {
        let departedCount = departed.reduce(0) { $0 + $1.series.count }
        return (absent.last.map { Int($0) < series } ?? true)
            && (explicitTimestamps.last.map { Int($0.series) < series } ?? true)
            && Int(sampleCount) == series - absent.count + departedCount
    }
}
