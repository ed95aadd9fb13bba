internal import AWS
internal import CSnappy
internal import MetricModel

#if canImport(Glibc)
import Glibc
#endif

/// The buffers in which a request is written and compressed, kept for the next one, and the loop that copies encoded
/// labels. It writes what protobuf-c packs for the same samples, byte for byte, with one exception: a value of -0.0
/// is written, where protobuf-c leaves it out and the receiver would read 0.
///
/// The only file of this module with unsafe code.
@safe final class RequestScratch: @unchecked Sendable {
    // @unchecked: a scratch belongs to one worker job at a time (`ScratchPool` lends it).
    fileprivate var raw: UnsafeMutableRawPointer
    fileprivate var capacity: Int
    private var compressed: UnsafeMutableRawPointer
    private var compressedCapacity: Int
    /// Bytes of the request so far.
    private(set) var byteCount = 0
    /// Samples of the request so far.
    private(set) var sampleCount = 0

    /// What a series takes besides its labels, at most: tags and lengths 14, value 9, timestamp 11; and 16 bytes that
    /// wide stores write past what they mean.
    fileprivate static let slack = 64

    init() {
        capacity = 64 * 1_024
        compressedCapacity = 64 * 1_024
        // Safety: both are freed in deinit and nowhere else but `grow`, which replaces them.
        unsafe raw = .allocate(byteCount: capacity, alignment: 16)
        unsafe compressed = .allocate(byteCount: compressedCapacity, alignment: 16)
    }

    deinit {
        // Safety: allocated in init or `grow`, never handed out.
        unsafe raw.deallocate()
        unsafe compressed.deallocate()
    }

    /// Bytes held.
    var heldBytes: Int { capacity + compressedCapacity }

    /// Begins a request.
    func begin() {
        byteCount = 0
        sampleCount = 0
    }

    /// The request's bytes, copied; for tests and splitting.
    var bytes: [UInt8] {
        // Safety: `byteCount` bytes from `raw` on are written.
        unsafe [UInt8](UnsafeRawBufferPointer(start: raw, count: byteCount))
    }

    /// The request as a snappy block, in an array of just its length.
    func compress() -> [UInt8] {
        let bound = snappy_max_compressed_length(byteCount)
        if bound > compressedCapacity {
            // Safety: nothing in the old block is needed.
            unsafe compressed.deallocate()
            compressedCapacity = bound
            unsafe compressed = .allocate(byteCount: bound, alignment: 16)
        }
        var length = compressedCapacity
        // Safety: `raw` holds `byteCount` bytes; `compressed` has room for what snappy may need at most.
        let status = unsafe snappy_compress(
            raw.assumingMemoryBound(to: CChar.self), byteCount,
            compressed.assumingMemoryBound(to: CChar.self), &length)
        precondition(status == SNAPPY_OK, "snappy fails only when the output has no room, and it has")
        // Safety: snappy wrote `length` bytes.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: compressed, count: length))
    }

    /// SHA-256 of a body in hexadecimal.
    static func hash(_ body: [UInt8]) -> String {
        // Safety: bytes have no padding, so every one of the span's may be read.
        unsafe SHA256.hex(body.span.bytes)
    }

    /// Writes samples `from..<to` of `frame` (counted as `LanePosition.sample`) until a limit is met. Every chunk's
    /// `targetLabelBound` must be within the target's labels: `FrameSlice.isWellFormed` has asked.
    func append(_ frame: Frame, from: Int, to: Int, limits: EncodeLimits) -> FrameEncoding {
        precondition(from >= 0 && from <= to && to <= frame.sampleCount, "a slice lies inside its frame")
        var result = FrameEncoding()
        let present = frame.values.count - frame.absent.count
        if from < present {
            appendLayout(frame, from: from, to: min(to, present), limits: limits, into: &result)
            guard from + result.consumed == min(to, present) else { return result }
        }
        var first = present
        for departed in frame.departed {
            let end = first + departed.series.count
            let position = from + result.consumed
            if position < to, position < end {
                let range = position - first..<min(to, end) - first
                let done = appendDeparted(departed, range, of: frame, limits: limits, into: &result)
                guard done else { return result }
            }
            first = end
        }
        return result
    }

    private func appendLayout(
        _ frame: Frame, from: Int, to: Int, limits: EncodeLimits, into result: inout FrameEncoding
    ) {
        var walk = FrameWalk(frame, from: from, count: to - from)
        let starts = frame.layout.starts
        var index = frame.layout.chunkIndex(ofSeries: walk.ordinal)
        while index < frame.layout.chunks.count, walk.remaining > 0 {
            let chunk = frame.layout.chunks[index]
            let first = Int(starts[index])
            // Safety: the pointers are used only inside the closure.
            let done = unsafe LabelPointers.with(chunk, frame.target) { labels in
                unsafe appendSeries(of: frame, labels, first..<first + chunk.seriesCount, limits, &walk, &result)
            }
            guard done else { return }
            index += 1
        }
    }

    /// The loop per sample. False when a limit ended the request.
    private func appendSeries(
        of frame: Frame, _ labels: LabelPointers, _ series: Range<Int>, _ limits: EncodeLimits,
        _ walk: inout FrameWalk, _ result: inout FrameEncoding
    ) -> Bool {
        var cursor = unsafe RequestCursor(self, limitBytes: limits.bytes)
        let values = frame.values.span
        let frameField = TimestampField(frame.timestampMs)
        let room = limits.samples - sampleCount
        var ordinal = walk.ordinal
        var runStart = unsafe ordinal < series.upperBound ? labels.runStart(ofSeries: ordinal - series.lowerBound) : 0
        var written = 0
        var passed = 0
        var usedFrameTime = false
        var full = false
        while ordinal < series.upperBound, passed < walk.remaining {
            let shape = unsafe labels.shape(ofSeries: ordinal - series.lowerBound)
            var field = frameField
            if ordinal == walk.nextSpecial {
                switch walk.special(at: ordinal, of: frame, ownAgeMs: limits.ownAgeMs) {
                case .absent:
                    walk.passSpecial(ordinal, of: frame)
                    ordinal += 1
                    runStart = shape.runEnd
                    continue
                case .tooOld:
                    walk.passSpecial(ordinal, of: frame)
                    result.tooOld += 1
                    passed += 1
                    ordinal += 1
                    runStart = shape.runEnd
                    continue
                case .at(let ownMs):
                    field = TimestampField(ownMs)
                }
            }
            guard written < room,
                unsafe cursor.put(labels, shape, runStart: runStart, values[ordinal].bitPattern, field, self)
            else {
                full = true
                break
            }
            if ordinal == walk.nextSpecial {
                walk.passSpecial(ordinal, of: frame)
                result.cover(field.timestampMs)
            } else {
                usedFrameTime = true
            }
            written += 1
            passed += 1
            ordinal += 1
            runStart = shape.runEnd
        }
        byteCount = unsafe cursor.byteCount
        if usedFrameTime { result.cover(frame.timestampMs) }
        walk.ordinal = ordinal
        walk.remaining -= passed
        sampleCount += written
        result.written += written
        result.consumed += passed
        return !full
    }

    /// Stale markers of `departed.series[range]`. False when a limit ended the request.
    private func appendDeparted(
        _ departed: Frame.Departed, _ range: Range<Int>, of frame: Frame, limits: EncodeLimits,
        into result: inout FrameEncoding
    ) -> Bool {
        let field = TimestampField(frame.timestampMs)
        // Safety: the pointers are used only inside the closure.
        return unsafe LabelPointers.with(departed.chunk, frame.target) { labels in
            var cursor = unsafe RequestCursor(self, limitBytes: limits.bytes)
            defer { byteCount = unsafe cursor.byteCount }
            for index in range {
                let series = Int(departed.series[index])
                let runStart = unsafe labels.runStart(ofSeries: series)
                let shape = unsafe labels.shape(ofSeries: series)
                guard sampleCount < limits.samples,
                    unsafe cursor.put(labels, shape, runStart: runStart, StaleMarker.bits, field, self)
                else { return false }
                sampleCount += 1
                result.written += 1
                result.consumed += 1
                result.cover(field.timestampMs)
            }
            return true
        }
    }

    /// Makes room for `needed` bytes in all; the first `written` stay.
    @inline(never)
    fileprivate func grow(to needed: Int, written: Int) {
        let larger = max(needed, capacity * 2)
        // Safety: the old block holds `written` written bytes, the new one is larger; the old one is freed once.
        let block = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe block.copyMemory(from: raw, byteCount: written)
        unsafe raw.deallocate()
        unsafe raw = block
        capacity = larger
    }
}

/// Where a request is written, as pointers, for the length of one loop over a chunk: the loop keeps them in registers.
@unsafe private struct RequestCursor {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private let limitBytes: Int
    private(set) var byteCount: Int
    /// Bytes that the length of the series before took.
    private var lengthBytes = 1

    init(_ scratch: RequestScratch, limitBytes: Int) {
        unsafe base = scratch.raw
        unsafe capacity = scratch.capacity
        unsafe byteCount = scratch.byteCount
        unsafe self.limitBytes = limitBytes
    }

    /// Writes one series with one sample; false when it would pass the byte limit, and nothing has changed then.
    ///
    /// The labels are written behind a gap for their length, guessed to take as many bytes as the series before.
    @inline(__always)
    mutating func put(
        _ labels: LabelPointers, _ shape: LabelPointers.Shape, runStart: Int, _ valueBits: UInt64,
        _ field: TimestampField, _ scratch: RequestScratch
    ) -> Bool {
        let most = unsafe byteCount + labels.mostBytes(shape, runStart: runStart) + RequestScratch.slack
        if unsafe most > capacity {
            unsafe scratch.grow(to: most, written: byteCount)
            unsafe base = scratch.raw
            unsafe capacity = scratch.capacity
        }
        // Safety: all that is written, the slack that the wide stores touch included, is below `most`, so within the
        // capacity; copying from inside the chunk and the target is what `LabelPointers` promises.
        let start = unsafe base + byteCount
        let content = unsafe start + 1 + lengthBytes
        var out = unsafe labels.copy(shape, runStart: runStart, to: content)
        let sampleLength = (valueBits == 0 ? 0 : 9) + field.length
        unsafe out.storeBytes(of: UInt16(truncatingIfNeeded: 0x12 | sampleLength << 8).littleEndian, as: UInt16.self)
        unsafe out += 2
        if valueBits != 0 {
            unsafe out.storeBytes(of: 0x09, as: UInt8.self)
            unsafe (out + 1).storeBytes(of: valueBits.littleEndian, as: UInt64.self)
            unsafe out += 9
        }
        unsafe out.storeBytes(of: field.bytes, as: SIMD16<UInt8>.self)
        let length = unsafe out - content + field.length
        let needed = ProtobufWire.varintLength(length)
        let end = unsafe byteCount + 1 + needed + length
        if unsafe end > limitBytes, unsafe byteCount > 0 { return false }
        if unsafe needed != lengthBytes {
            unsafe memmove(start + 1 + needed, content, length)
            unsafe lengthBytes = needed
        }
        if needed == 1 {
            unsafe start.storeBytes(of: UInt16(truncatingIfNeeded: 0x0A | length << 8).littleEndian, as: UInt16.self)
        } else {
            unsafe start.storeBytes(of: 0x0A, as: UInt8.self)
            var rest = length
            for index in 1...needed {
                let more: UInt8 = index < needed ? 0x80 : 0
                unsafe (start + index).storeBytes(of: UInt8(truncatingIfNeeded: rest & 0x7F) | more, as: UInt8.self)
                rest >>= 7
            }
        }
        unsafe byteCount = end
        return true
    }
}

/// A chunk's and a target's arrays as pointers, for the length of one closure.
///
/// `LayoutChunk.init` has checked that pieces and runs lie inside their arrays, and `with` that the target has every
/// label the pieces name, so nothing is checked per sample.
@unsafe struct LabelPointers {
    /// Which pieces one series has, and where its last run ends.
    struct Shape {
        var firstPiece: Int
        var endPiece: Int
        var runEnd: Int
    }

    private let bytes: UnsafeRawPointer
    private let byteCount: Int
    private let pieces: UnsafePointer<LayoutChunk.Piece>
    private let pieceOffsets: UnsafePointer<UInt32>
    private let targetBytes: UnsafeRawPointer
    private let targetByteCount: Int
    private let targetOffsets: UnsafePointer<UInt32>

    /// Calls `body` with the pointers, which are valid until it returns. The target must have the chunk's labels.
    @inline(__always)
    static func with(_ chunk: LayoutChunk, _ target: Target, _ body: (LabelPointers) -> Bool) -> Bool {
        precondition(chunk.targetLabelBound <= target.labels.count, "the target has the labels its layout names")
        // Safety: each array outlives the closures it is borrowed for; none of them is empty but for `bytes` and the
        // target's labels, for which any address will do as nothing is read from them.
        return unsafe chunk.bytes.withUnsafeBytes { bytes in
            unsafe chunk.pieces.withUnsafeBufferPointer { pieces in
                unsafe chunk.pieceOffsets.withUnsafeBufferPointer { offsets in
                    unsafe target.encodedLabels.withUnsafeBytes { targetBytes in
                        unsafe target.encodedLabelOffsets.withUnsafeBufferPointer { targetOffsets in
                            guard let pieces = pieces.baseAddress, let offsets = offsets.baseAddress,
                                let targetOffsets = targetOffsets.baseAddress
                            else { return true }  // A chunk without series.
                            let anywhere = unsafe UnsafeRawPointer(offsets)
                            return unsafe body(
                                LabelPointers(
                                    bytes: bytes.baseAddress ?? anywhere, byteCount: bytes.count, pieces: pieces,
                                    pieceOffsets: offsets, targetBytes: targetBytes.baseAddress ?? anywhere,
                                    targetByteCount: targetBytes.count, targetOffsets: targetOffsets))
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    func runStart(ofSeries index: Int) -> Int {
        let first = unsafe Int(pieceOffsets[index])
        return unsafe first == 0 ? 0 : Int(pieces[first - 1].runEnd)
    }

    @inline(__always)
    func shape(ofSeries index: Int) -> Shape {
        let end = unsafe Int(pieceOffsets[index + 1])
        return unsafe Shape(firstPiece: Int(pieceOffsets[index]), endPiece: end, runEnd: Int(pieces[end - 1].runEnd))
    }

    /// What the labels take at most: each piece may name all of the target's.
    @inline(__always)
    func mostBytes(_ shape: Shape, runStart: Int) -> Int {
        unsafe shape.runEnd - runStart + (shape.endPiece - shape.firstPiece) * targetByteCount
    }

    /// Copies the labels to `out`, which has room for them and `RequestScratch.slack` more; returns the end.
    @inline(__always)
    func copy(_ shape: Shape, runStart: Int, to start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var out = unsafe start
        var from = runStart
        for number in shape.firstPiece..<shape.endPiece {
            let piece = unsafe pieces[number]
            let end = Int(piece.runEnd)
            unsafe Self.copyRun(bytes + from, end - from, readable: byteCount - from, to: out)
            unsafe out += end - from
            from = end
            let label = Int(piece.firstTargetLabel)
            let first = unsafe Int(targetOffsets[label])
            let length = unsafe Int(targetOffsets[label + Int(piece.targetLabelCount)]) - first
            unsafe Self.copyRun(targetBytes + first, length, readable: targetByteCount - first, to: out)
            unsafe out += length
        }
        return unsafe out
    }

    /// Steps of 16 bytes, the last of them overlapping the one before: for short runs a call of memcpy costs more.
    @inline(__always)
    private static func copyRun(
        _ source: UnsafeRawPointer, _ count: Int, readable: Int, to out: UnsafeMutableRawPointer
    ) {
        if count >= 16, count <= 256 {
            var done = 0
            while done < count - 16 {
                unsafe copy16(source + done, to: out + done)
                done += 16
            }
            unsafe copy16(source + (count - 16), to: out + (count - 16))
        } else if count < 16, readable >= 16 {
            unsafe copy16(source, to: out)
        } else {
            unsafe out.copyMemory(from: source, byteCount: count)
        }
    }

    @inline(__always)
    private static func copy16(_ source: UnsafeRawPointer, to out: UnsafeMutableRawPointer) {
        unsafe out.storeBytes(of: source.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
    }
}
