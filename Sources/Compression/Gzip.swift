internal import CDeflate

/// Reads gzip (RFC 1952) from whole buffers, and checks all that a gzip body says about itself. Writes it for
/// our own pages.
public enum Gzip {
    /// A byte of deflate stands for no more than this many: 258 for two bits, less what a block costs.
    private static let highestRatio = 1_032
    private static let headerBytes = 10
    private static let trailerBytes = 8

    /// What the end of a gzip body says about its decoded length. It is exact for an honest body of one
    /// member. It never exceeds what so many bytes can decode to, and nothing else about it can be trusted.
    public static func announcedBytes(_ packed: Span<UInt8>) -> Int {
        guard packed.count >= headerBytes + trailerBytes else { return 0 }
        return min(Int(number(packed, at: packed.count - 4)), highestBytes(packed.count))
    }

    /// Appends the decoded bytes of all members (RFC 1952 §2.2) to `output`.
    ///
    /// Throws unless every member has a sound header, ends in its own trailer and has the CRC-32 and the
    /// length that stand there, and the last ends where the bytes end: what follows it is refused, zeros
    /// too, as Go's reader does. What `output` holds is then without meaning. No more than `limitBytes` are
    /// decoded. `grow` is asked before `output` is given a higher capacity, which it already has for an
    /// honest body of one member when the caller has reserved `announcedBytes`; false gives the body up.
    public static func decode(
        _ packed: Span<UInt8>, into output: inout [UInt8], limitBytes: Int,
        grow: (_ capacityBytes: Int) -> Bool
    ) throws(CompressionError) {
        guard !packed.isEmpty else {
            throw CompressionError(.damaged, "the body is empty, where gzip was announced")
        }
        guard let decoder = GzipDecoder.take() else {
            throw CompressionError(.noRoom, "there is no memory for a gzip decoder")
        }
        defer { decoder.putBack() }
        let limitBytes = min(limitBytes, Int.max >> 1)
        let before = output.count
        var place = 0
        repeat {
            place = try dataStart(packed, from: place)
            let start = output.count
            while true {
                let step = inflate(decoder, packed, place, &output, limitBytes - (start - before))
                if let used = step.used {
                    place += used
                    break
                }
                guard step.needsRoom else {
                    throw CompressionError(.damaged, "the gzip body is cut or damaged: it does not decode")
                }
                try makeRoom(
                    in: &output, atMost: start + highestBytes(packed.count - place), limitBytes: limitBytes,
                    before: before, grow)
            }
            place = try checkTrailer(packed, at: place, of: output.span.extracting(start...))
        } while place < packed.count
    }

    /// The bytes as one gzip member. Nil when there is no memory for the work.
    ///
    /// `level` is one of libdeflate's, 1 to 12. The default is the quickest one, which needs the least memory
    /// and makes a page of metrics an eighth as long.
    public static func encode(_ bytes: Span<UInt8>, level: Int32 = 1) -> [UInt8]? {
        guard let compressor = unsafe libdeflate_alloc_compressor(level) else { return nil }
        defer { unsafe libdeflate_free_compressor(compressor) }
        let room = unsafe libdeflate_gzip_compress_bound(compressor, bytes.count)
        var output: [UInt8] = []
        // Safety: libdeflate reads `bytes` and writes at most `room` bytes, for which the array has the
        // capacity; it says how many it wrote.
        unsafe bytes.withUnsafeBufferPointer { bytes in
            output.append(addingCapacity: room) { output in
                unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
                    guard let to = buffer.baseAddress else { return }
                    initialized += unsafe libdeflate_gzip_compress(
                        compressor, bytes.baseAddress, bytes.count, to + initialized, room)
                }
            }
        }
        // 0 is its word for too little room, which the bound rules out.
        return output.isEmpty ? nil : output
    }

    private static func highestBytes(_ packedBytes: Int) -> Int { (packedBytes + 1) * highestRatio }

    /// Decodes one member's data behind what `output` holds. `used` is the number of bytes of `packed` that
    /// it took; nil when it did not decode, for want of room or as it is damaged.
    private static func inflate(
        _ decoder: GzipDecoder, _ packed: Span<UInt8>, _ place: Int, _ output: inout [UInt8],
        _ leftBytes: Int
    ) -> (used: Int?, needsRoom: Bool) {
        let room = max(0, min(output.capacity - output.count, leftBytes))
        var used = 0
        var got = 0
        // An array without a capacity has no address to write to.
        var result = LIBDEFLATE_INSUFFICIENT_SPACE
        // Safety: libdeflate reads `packed` behind `place` and writes at most `room` bytes behind what is
        // initialised, for which the array has the capacity; it says how many it wrote when it succeeds.
        unsafe packed.withUnsafeBufferPointer { packed in
            output.append(addingCapacity: room) { output in
                unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
                    guard let from = packed.baseAddress, let to = buffer.baseAddress else { return }
                    result = unsafe libdeflate_deflate_decompress_ex(
                        decoder.pointer, from + place, packed.count - place, to + initialized, room, &used,
                        &got)
                    if result == LIBDEFLATE_SUCCESS { initialized += got }
                }
            }
        }
        return (result == LIBDEFLATE_SUCCESS ? used : nil, result == LIBDEFLATE_INSUFFICIENT_SPACE)
    }

    /// Doubles the room of `output`, within the limit and what the data can come to.
    private static func makeRoom(
        in output: inout [UInt8], atMost highest: Int, limitBytes: Int, before: Int, _ grow: (Int) -> Bool
    ) throws(CompressionError) {
        guard output.capacity - before < limitBytes else {
            throw CompressionError(.tooLarge, "the body decodes to more than \(limitBytes) bytes")
        }
        let wanted = min(max(64 << 10, 2 * output.capacity), highest, before + limitBytes)
        // At the end libdeflate asks for more only where the data is damaged.
        guard wanted > output.capacity else {
            throw CompressionError(.damaged, "the gzip body is damaged: it does not decode")
        }
        guard grow(wanted) else {
            throw CompressionError(.noRoom, "there is no memory for the decoded body")
        }
        output.reserveCapacity(wanted)
    }

    /// Where the data of the member that begins at `start` begins (RFC 1952 §2.3).
    private static func dataStart(_ packed: Span<UInt8>, from start: Int) throws(CompressionError) -> Int {
        let left = packed.count - start
        let isMember = left >= headerBytes && packed[start] == 0x1F && packed[start + 1] == 0x8B
        guard isMember || start == 0 else {
            throw CompressionError(
                .damaged, "\(left) bytes follow the last gzip member and are not another one")
        }
        guard isMember else {
            let begins = (left < 1 || packed[0] == 0x1F) && (left < 2 || packed[1] == 0x8B)
            throw CompressionError(
                .damaged,
                begins ? "the gzip body ends within its header" : "the body is not the gzip it claims to be")
        }
        guard packed[start + 2] == 8 else {
            throw CompressionError(
                .damaged, "the gzip header names the method \(packed[start + 2]); only 8, deflate, exists")
        }
        let flags = packed[start + 3]
        guard flags & 0xE0 == 0 else {
            throw CompressionError(.damaged, "the gzip header has flags that are not defined")
        }
        let cut = CompressionError(.damaged, "the gzip body ends within its header")
        var place = start + headerBytes
        if flags & 0x04 != 0 {
            guard place + 2 <= packed.count else { throw cut }
            place += 2 + Int(packed[place]) + Int(packed[place + 1]) << 8
        }
        // The file's name and a comment, each up to a zero.
        for flag: UInt8 in [0x08, 0x10] where flags & flag != 0 {
            while place < packed.count, packed[place] != 0 { place += 1 }
            place += 1
        }
        if flags & 0x02 != 0 {
            guard place + 2 <= packed.count else { throw cut }
            let found = UInt32(packed[place]) | UInt32(packed[place + 1]) << 8
            guard checksum(packed.extracting(start..<place)) & 0xFFFF == found else {
                throw CompressionError(.damaged, "the gzip header's own checksum does not match it")
            }
            place += 2
        }
        guard place < packed.count else { throw cut }
        return place
    }

    /// Compares a member's decoded bytes with its trailer; where the next member would begin.
    private static func checkTrailer(
        _ packed: Span<UInt8>, at place: Int, of decoded: Span<UInt8>
    ) throws(CompressionError) -> Int {
        guard place + trailerBytes <= packed.count else {
            throw CompressionError(.damaged, "the gzip body is cut: it ends before its trailer is whole")
        }
        guard number(packed, at: place) == checksum(decoded) else {
            throw CompressionError(
                .damaged, "the gzip body is damaged: its CRC-32 is not that of the decoded bytes")
        }
        guard number(packed, at: place + 4) == UInt32(truncatingIfNeeded: decoded.count) else {
            throw CompressionError(
                .damaged, "the gzip body is damaged: it announces another length than it decodes to")
        }
        return place + trailerBytes
    }

    private static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        // Safety: libdeflate reads as many bytes as it is told.
        unsafe bytes.withUnsafeBufferPointer { unsafe libdeflate_crc32(0, $0.baseAddress, $0.count) }
    }

    /// Four bytes, the lowest first.
    private static func number(_ bytes: Span<UInt8>, at place: Int) -> UInt32 {
        UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
            | UInt32(bytes[place + 3]) << 24
    }
}
