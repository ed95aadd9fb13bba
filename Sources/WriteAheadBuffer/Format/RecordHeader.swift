internal import Platform

/// The 16 bytes before a record's payload. They have a checksum of their own, so that a reader may step over
/// a record that does not concern it without reading it.
struct RecordHeader: Equatable {
    static let sizeBytes = 16
    /// The checksum after the payload.
    static let trailerBytes = 4
    /// No record is longer; what claims to be is damaged. A frame of the most series allowed fits.
    static let maxPayloadBytes = 256 << 20
    /// A frame that is XOR-ed against nothing: it needs no frame before it.
    static let selfContained: UInt8 = 1
    /// Histograms, exemplars or start timestamps follow the frame's column.
    static let hasSides: UInt8 = 2
    /// Of a chunk: which series are histograms follows its content.
    static let hasHistograms: UInt8 = 1
    /// Of a chunk and its metadata: the payload is packed (`ChunkPacking`).
    static let isPacked: UInt8 = 2

    let payloadBytes: Int
    let type: RecordType
    let flags: UInt8
    /// The number of the target, chunk or layout stated, or of the frame's target; 0 elsewhere.
    let subject: UInt32

    /// Header, payload and checksum.
    var recordBytes: Int { Self.sizeBytes + payloadBytes + Self.trailerBytes }

    /// The header at `offset`; nil when it is none.
    init?(_ bytes: Span<UInt8>, at offset: Int, salt: UInt32) {
        var cursor = offset
        guard bytes.count - offset >= Self.sizeBytes, let length = Wire.fixed32(bytes, &cursor),
            length <= UInt32(Self.maxPayloadBytes), let type = RecordType(rawValue: bytes[offset + 4]),
            bytes[offset + 6] == 0, bytes[offset + 7] == 0
        else { return nil }
        flags = bytes[offset + 5]
        cursor = offset + 8
        guard let subject = Wire.fixed32(bytes, &cursor), let stored = Wire.fixed32(bytes, &cursor),
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            unsafe CRC32C.checksum(bytes.bytes.extracting(offset..<offset + 12), from: salt) == stored
        else { return nil }
        payloadBytes = Int(length)
        self.type = type
        self.subject = subject
    }

    /// Whether the whole record at `offset`, which `bytes` holds in full, is as it was written.
    func isIntact(_ bytes: Span<UInt8>, at offset: Int, salt: UInt32) -> Bool {
        var cursor = offset + Self.sizeBytes + payloadBytes
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        let checked = unsafe bytes.bytes.extracting(offset..<cursor)
        return Wire.fixed32(bytes, &cursor) == CRC32C.checksum(checked, from: salt)
    }
}
