internal import Platform

/// How each file of the buffer begins: two equal copies, so that one damaged sector does not cost the salt.
struct FileHeader: Equatable {
    enum Kind: UInt8 {
        case segment = 1
        case cursorLog = 2
        case segmentIndex = 3
    }

    /// What is written.
    static let formatVersion: UInt32 = 3
    /// What is read. Version 1 has all that version 2 has but the flags of histograms and side lists, which
    /// its writers left 0. The cursors of both have lanes (`LaneCursor`); segments are the same.
    static let knownVersions: ClosedRange<UInt32> = 1...3
    /// Of a segment: columns are differences of decimal numbers, and chunks may be packed.
    static let isDense: UInt8 = 1
    /// Of a segment: it stood in memory first, and each frame says its place in the log (`MemoryFile`).
    static let isPlaced: UInt8 = 2
    /// Features that this version reads, of those that a reader must know.
    static func knownFeatures(_ kind: Kind) -> UInt8 { kind == .segment ? isDense | isPlaced : 0 }
    static let copyBytes = 40
    /// Both copies: where the first record stands.
    static let sizeBytes = 2 * copyBytes
    private static let magic = Array("NARTHEXB".utf8)

    let version: UInt32
    let kind: Kind
    /// A bit for each feature without which the file cannot be read. Not looked at before version 3.
    let features: UInt8
    /// Where every checksum of this file starts from. Random, so that text in a label cannot pose as a record
    /// when a reader looks for the next one behind a damage.
    let salt: UInt32
    /// The segment's number; in a cursor log the hash in its name.
    let number: UInt64
    let createdMs: Int64

    init(kind: Kind, features: UInt8 = 0, salt: UInt32, number: UInt64, createdMs: Int64) {
        version = Self.formatVersion
        self.kind = kind
        self.features = features
        self.salt = salt
        self.number = number
        self.createdMs = createdMs
    }

    /// Why the file at `path` is not read, with what to do; nil when it is.
    func refusal(_ path: String) -> BufferError? { reasonNotRead(path).map { .unsupported($0) } }

    /// The same without what to do.
    func reasonNotRead(_ path: String) -> String? {
        Self.reasonNotRead(path, kind, version: version, features: features)
    }

    /// The same for a file whose header says this.
    static func reasonNotRead(_ path: String, _ kind: Kind, version: UInt32, features: UInt8) -> String? {
        guard knownVersions.contains(version) else {
            return "\(path) has format version \(version), and this version of Narthex reads none above "
                + "\(formatVersion)"
        }
        let unknown = features & ~knownFeatures(kind)
        return version >= 3 && unknown != 0
            ? "\(path) has features that this version of Narthex does not know (bits \(unknown))" : nil
    }

    /// The first readable copy; nil when both are damaged or absent. The version is as written: the caller
    /// refuses what it does not know.
    init?(_ bytes: Span<UInt8>) {
        for copy in 0..<2 {
            let start = copy * Self.copyBytes
            guard bytes.count >= start + Self.copyBytes,
                Self.magic.indices.allSatisfy({ bytes[start + $0] == Self.magic[$0] })
            else { continue }
            var cursor = start + Self.magic.count
            guard let version = Wire.fixed32(bytes, &cursor), let kindByte = Wire.byte(bytes, &cursor),
                let kind = Kind(rawValue: kindByte), let features = Wire.byte(bytes, &cursor)
            else { continue }
            cursor += 2
            guard let salt = Wire.fixed32(bytes, &cursor), let number = Wire.fixed64(bytes, &cursor),
                let created = Wire.fixed64(bytes, &cursor),
                // Safety: UInt8 has no padding, so every byte of the span may be read.
                unsafe CRC32C.checksum(bytes.bytes.extracting(start..<cursor)) == Wire.fixed32(bytes, &cursor)
            else { continue }
            self.version = version
            self.kind = kind
            self.features = features
            self.salt = salt
            self.number = number
            createdMs = Int64(bitPattern: created)
            return
        }
        return nil
    }

    /// Whether its frames say their places.
    var hasPlaces: Bool { Self.hasPlaces(kind, version: version, features: features) }

    /// The same for a file whose header says this.
    static func hasPlaces(_ kind: Kind, version: UInt32, features: UInt8) -> Bool {
        kind == .segment && version >= 3 && features & isPlaced != 0
    }

    /// Both copies.
    func put(into buffer: inout RecordBuffer) {
        var copy = RecordBuffer(capacity: Self.copyBytes)
        for byte in Self.magic { copy.putByte(byte) }
        copy.putFixed32(version)
        copy.putByte(kind.rawValue)
        copy.putByte(features)
        for _ in 0..<2 { copy.putByte(0) }
        copy.putFixed32(salt)
        copy.putFixed64(number)
        copy.putFixed64(UInt64(bitPattern: createdMs))
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        copy.putFixed32(unsafe CRC32C.checksum(copy.bytes.span.bytes))
        for _ in 0..<2 {
            for byte in copy.bytes { buffer.putByte(byte) }
        }
    }
}
