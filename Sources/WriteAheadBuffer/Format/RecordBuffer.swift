internal import Platform

/// Bytes of records being made. Reused: it keeps its room from one to the next.
struct RecordBuffer: Sendable {
    /// The room; only the first `count` bytes have a meaning.
    private(set) var storage: [UInt8]
    private(set) var count = 0
    /// Of the records since `removeAll`.
    private(set) var largestPayloadBytes = 0
    /// What `removeAll` gives back above: one huge target must not cost its size for ever.
    private static let keptBytes = 1 << 20

    init(capacity: Int = 4_096) { storage = Array(repeating: 0, count: capacity) }

    /// The bytes so far, copied.
    var bytes: [UInt8] { Array(storage[..<count]) }

    mutating func removeAll() {
        count = 0
        largestPayloadBytes = 0
        if storage.count > Self.keptBytes { storage = Array(repeating: 0, count: 65_536) }
    }

    /// Gives back what an empty one has beyond 64 KiB.
    mutating func giveBackRoom() {
        if count == 0, storage.count > 65_536 { storage = Array(repeating: 0, count: 65_536) }
    }

    /// Takes the last `bytes` away again.
    mutating func removeLast(_ bytes: Int) { count -= bytes }

    /// Makes room for `extra` more bytes.
    mutating func reserve(_ extra: Int) {
        guard storage.count - count < extra else { return }
        let wanted = max(storage.count * 2, count + extra)
        storage.append(contentsOf: repeatElement(0, count: wanted - storage.count))
    }

    mutating func putByte(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    mutating func putFixed32(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            putByte(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func putFixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            putByte(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func putVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            putByte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        putByte(UInt8(rest))
    }

    /// Bytes that `put` writes at most.
    static let mostVarint32Bytes = 5

    /// Writes a varint into room that is there; the place behind it.
    @inline(__always)
    static func put(_ value: UInt32, into room: inout MutableSpan<UInt8>, at place: Int) -> Int {
        var (rest, end) = (value, place)
        while rest >= 0x80 {
            room[end] = UInt8(truncatingIfNeeded: rest) | 0x80
            end += 1
            rest >>= 7
        }
        room[end] = UInt8(truncatingIfNeeded: rest)
        return end + 1
    }

    mutating func putSigned(_ value: Int64) {
        putVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func putRaw(_ bytes: [UInt8]) {
        putVarint(UInt64(bytes.count))
        reserve(bytes.count)
        storage.replaceSubrange(count..<count + bytes.count, with: bytes)
        count += bytes.count
    }

    mutating func putBytes(of other: RecordBuffer) {
        reserve(other.count)
        storage.replaceSubrange(count..<count + other.count, with: other.storage[..<other.count])
        count += other.count
    }

    mutating func putString(_ text: String) { putRaw(Array(text.utf8)) }

    /// Ordinals that ascend, each once; the reading half is `Wire.ascending`.
    mutating func putAscending(_ ordinals: [UInt32]) {
        putVarint(UInt64(ordinals.count))
        var next: UInt32 = 0
        for ordinal in ordinals {
            putVarint(UInt64(ordinal - next))
            next = ordinal + 1
        }
    }

    /// Lets `fill` write into at least `room` bytes; it returns how many it wrote.
    mutating func fill(room: Int, _ fill: (inout [UInt8], Int) -> Int) {
        reserve(room)
        count += fill(&storage, count)
    }

    /// Begins a record and returns where; `end` closes it.
    mutating func begin(_ type: RecordType, flags: UInt8 = 0, subject: UInt32 = 0) -> Int {
        let start = count
        putFixed32(0)
        putByte(type.rawValue)
        putByte(flags)
        putByte(0)
        putByte(0)
        putFixed32(subject)
        putFixed32(0)
        return start
    }

    /// Fills in the length and both checksums.
    mutating func end(_ start: Int, salt: UInt32) {
        let payloadBytes = count - start - RecordHeader.sizeBytes
        largestPayloadBytes = max(largestPayloadBytes, payloadBytes)
        // One that does not fit is never written.
        patch32(UInt32(clamping: payloadBytes), at: start)
        let headerCRC = checksum(start..<start + 12, salt)
        patch32(headerCRC, at: start + 12)
        putFixed32(checksum(start..<count, salt))
    }

    private func checksum(_ range: Range<Int>, _ salt: UInt32) -> UInt32 {
        // Safety: UInt8 has no padding, so every byte of the span may be read.
        unsafe CRC32C.checksum(storage.span.bytes.extracting(range), from: salt)
    }

    private mutating func patch32(_ value: UInt32, at offset: Int) {
        for index in 0..<4 { storage[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
}
