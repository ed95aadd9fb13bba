internal import MetricModel

/// A chunk's and a target's arrays as pointers, for the length of one closure.
///
/// `LayoutChunk.init` has checked that pieces and runs lie inside their arrays, and `with` that the target
/// has every label the pieces name, so nothing is checked per sample.
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

    /// Calls `body` with the pointers, which are valid until it returns. The target must have the chunk's
    /// labels; `targetLabels` is its encoded labels and `readPadding` bytes more.
    @inline(__always)
    static func with(
        _ chunk: LayoutChunk, _ target: Target, _ targetLabels: [UInt8], _ body: (LabelPointers) -> Bool
    ) -> Bool {
        precondition(
            chunk.targetLabelBound <= target.labels.count, "the target has the labels its layout names")
        precondition(
            targetLabels.count == target.encodedLabels.count + RequestScratch.readPadding,
            "the target's labels are padded")
        // Safety: each array outlives the closures it is borrowed for; none of them is empty but for `bytes`,
        // for which any address will do as nothing is read from it.
        return unsafe chunk.bytes.withUnsafeBytes { bytes in
            unsafe chunk.pieces.withUnsafeBufferPointer { pieces in
                unsafe chunk.pieceOffsets.withUnsafeBufferPointer { offsets in
                    unsafe targetLabels.withUnsafeBytes { targetBytes in
                        unsafe target.encodedLabelOffsets.withUnsafeBufferPointer { targetOffsets in
                            guard let pieces = pieces.baseAddress, let offsets = offsets.baseAddress,
                                let targetBytes = targetBytes.baseAddress,
                                let targetOffsets = targetOffsets.baseAddress
                            else { return true }  // A chunk without series.
                            return unsafe body(
                                LabelPointers(
                                    bytes: bytes.baseAddress ?? UnsafeRawPointer(offsets),
                                    byteCount: bytes.count,
                                    pieces: pieces, pieceOffsets: offsets, targetBytes: targetBytes,
                                    targetByteCount: targetLabels.count - RequestScratch.readPadding,
                                    targetOffsets: targetOffsets))
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
        return unsafe Shape(
            firstPiece: Int(pieceOffsets[index]), endPiece: end, runEnd: Int(pieces[end - 1].runEnd))
    }

    /// What the labels take at most: each piece may name all of the target's.
    @inline(__always)
    func mostBytes(_ shape: Shape, runStart: Int) -> Int {
        unsafe shape.runEnd &- runStart &+ (shape.endPiece &- shape.firstPiece) &* targetByteCount
    }

    /// Copies the labels to `out`, which has room for them and `RequestScratch.slack` more; returns the
    /// end.
    @inline(__always)
    func copy(_ shape: Shape, runStart: Int, to start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var out = unsafe start
        var from = runStart
        var number = shape.firstPiece
        while number < shape.endPiece {
            let piece = unsafe pieces[number]
            let length = Int(piece.runEnd) &- from
            unsafe Self.copyRun(bytes + from, length, readable: byteCount &- from, to: out)
            unsafe out += length
            from = Int(piece.runEnd)
            number &+= 1
            guard piece.targetLabelCount > 0 else { continue }
            let label = Int(piece.firstTargetLabel)
            let first = unsafe Int(targetOffsets[label])
            let targetLength = unsafe Int(targetOffsets[label &+ Int(piece.targetLabelCount)]) &- first
            // The padding makes every label readable this far.
            unsafe Self.copyRun(
                targetBytes + first, targetLength, readable: RequestScratch.readPadding, to: out)
            unsafe out += targetLength
        }
        return unsafe out
    }

    /// Copies 64 bytes whatever the length, and more where there is more: for runs as short as labels a call
    /// of memcpy, or a branch on the length, costs more than the bytes.
    @inline(__always)
    private static func copyRun(
        _ source: UnsafeRawPointer, _ count: Int, readable: Int, to out: UnsafeMutableRawPointer
    ) {
        if readable >= 64 {
            unsafe copy64(source, to: out)
            if count > 64 { unsafe (out + 64).copyMemory(from: source + 64, byteCount: count - 64) }
        } else {
            unsafe out.copyMemory(from: source, byteCount: count)
        }
    }

    @inline(__always)
    private static func copy64(_ source: UnsafeRawPointer, to out: UnsafeMutableRawPointer) {
        let first = unsafe source.loadUnaligned(as: SIMD32<UInt8>.self)
        let second = unsafe (source + 32).loadUnaligned(as: SIMD32<UInt8>.self)
        unsafe out.storeBytes(of: first, as: SIMD32<UInt8>.self)
        unsafe (out + 32).storeBytes(of: second, as: SIMD32<UInt8>.self)
    }
}
