internal import MetricModel

/// A chunk's code and a target's arrays as pointers, for the length of one closure.
///
/// A `SeriesCode` is made by its coder alone, whose stretches lie inside their text, and `with` asks that the
/// target has every label the chunk names, so nothing is checked per sample.
@unsafe struct LabelPointers {
    /// The parts of one series, as offsets into the code: where the first part begins and the last one ends.
    struct Shape {
        var start: Int
        var end: Int
    }

    private let bytes: UnsafeRawPointer
    private let partBytes: Int
    private let partMask: UInt64
    private let offsetMask: UInt64
    private let lengthShift: UInt64
    private let lengthMask: UInt64
    private let runShift: UInt64
    private let partsStart: Int
    private let numbersStart: Int
    private let numberBytes: Int
    private let numberMask: UInt32
    private let targetRuns: UnsafePointer<SeriesCode.TargetRun>
    private let targetBytes: UnsafeRawPointer
    private let targetByteCount: Int
    private let targetOffsets: UnsafePointer<UInt32>

    /// What parts take at most for each of their own bytes.
    private let mostPerByte: Int

    /// Up to so many bytes of parts, the room for a series is what as many of the longest would take.
    private static let fewBytes = 256

    // Safety: the caller vouches for the pointers, that they are those of the code and the target.
    private init(
        _ code: SeriesCode, _ bytes: UnsafeRawPointer, _ targetRuns: UnsafePointer<SeriesCode.TargetRun>,
        _ targetBytes: UnsafeRawPointer, _ targetByteCount: Int, _ targetOffsets: UnsafePointer<UInt32>
    ) {
        unsafe self.bytes = bytes
        unsafe partBytes = Int(code.partBytes)
        unsafe partMask = ~0 >> UInt64(64 - 8 * Int(code.partBytes))
        unsafe offsetMask = 1 << UInt64(code.offsetBits) - 1
        unsafe lengthShift = UInt64(code.offsetBits)
        unsafe lengthMask = 1 << UInt64(code.lengthBits) - 1
        unsafe runShift = UInt64(code.offsetBits + code.lengthBits)
        unsafe partsStart = code.partsStart
        unsafe numbersStart = code.numbersStart
        unsafe numberBytes = Int(code.numberBytes)
        unsafe numberMask = ~0 >> UInt32(32 - 8 * Int(code.numberBytes))
        unsafe self.targetRuns = targetRuns
        unsafe self.targetBytes = targetBytes
        unsafe self.targetByteCount = targetByteCount
        unsafe self.targetOffsets = targetOffsets
        let partBytes = Int(code.partBytes)
        unsafe mostPerByte = (code.mostLength + targetByteCount + partBytes - 1) / partBytes
    }

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
        let code = chunk.code
        // Safety: each array outlives the closures it is borrowed for; none of them is empty.
        return unsafe code.bytes.withUnsafeBytes { bytes in
            unsafe code.targetRuns.withUnsafeBufferPointer { runs in
                unsafe targetLabels.withUnsafeBytes { targetBytes in
                    unsafe target.encodedLabelOffsets.withUnsafeBufferPointer { targetOffsets in
                        guard let bytes = bytes.baseAddress, let runs = runs.baseAddress,
                            let targetBytes = targetBytes.baseAddress,
                            let targetOffsets = targetOffsets.baseAddress
                        else { return true }
                        return unsafe body(
                            LabelPointers(
                                code, bytes, runs, targetBytes,
                                targetLabels.count - RequestScratch.readPadding, targetOffsets))
                    }
                }
            }
        }
    }

    /// Where in the code the parts of series `index` begin. There is one for the end of the last, too.
    // Safety: what is read reaches four bytes behind the number, where the code has room.
    @inline(__always)
    func start(ofSeries index: Int) -> Int {
        let number = unsafe (bytes + numbersStart).loadUnaligned(
            fromByteOffset: index &* numberBytes, as: UInt32.self)
        return unsafe partsStart &+ Int(UInt32(littleEndian: number) & numberMask) &* partBytes
    }

    @inline(__always)
    func shape(ofSeries index: Int) -> Shape {
        unsafe Shape(start: start(ofSeries: index), end: start(ofSeries: index &+ 1))
    }

    // Safety: what is read reaches eight bytes behind the part's beginning, where the code has room.
    @inline(__always)
    private func part(at place: Int) -> UInt64 {
        unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)) & partMask
    }

    /// What the labels take at most: each part may be of the greatest length, and name all of the target's.
    @inline(__always)
    func mostBytes(_ shape: Shape) -> Int {
        let bytes = shape.end &- shape.start
        return unsafe bytes > Self.fewBytes ? mostBytesOfMany(shape) : bytes &* mostPerByte
    }

    /// The same for a series of many parts, where the greatest length would be much more than there is.
    @inline(never)
    private func mostBytesOfMany(_ shape: Shape) -> Int {
        var total = 0
        for place in unsafe stride(from: shape.start, to: shape.end, by: partBytes) {
            let part = unsafe part(at: place)
            total += unsafe Int((part >> lengthShift) & lengthMask)
            total += unsafe part >> runShift == 0 ? 0 : targetByteCount
        }
        return total
    }

    /// Copies the labels to `out`, which has room for them and `RequestScratch.slack` more; returns the
    /// end.
    @inline(__always)
    func copy(_ shape: Shape, to start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var out = unsafe start
        var place = shape.start
        while place < shape.end {
            let part = unsafe part(at: place)
            let length = unsafe Int((part &>> lengthShift) & lengthMask)
            // The code is readable this far behind every stretch's beginning.
            unsafe Self.copyRun(bytes + Int(part & offsetMask), length, to: out)
            unsafe out += length
            unsafe place &+= partBytes
            let number = unsafe Int(part &>> runShift)
            guard number > 0 else { continue }
            let run = unsafe targetRuns[number]
            let label = Int(run.first)
            let first = unsafe Int(targetOffsets[label])
            let targetLength = unsafe Int(targetOffsets[label &+ Int(run.count)]) &- first
            // The padding makes every label readable this far.
            unsafe Self.copyRun(targetBytes + first, targetLength, to: out)
            unsafe out += targetLength
        }
        return unsafe out
    }

    /// Copies 64 bytes, which are readable, whatever the length, and more where there is more: for runs as
    /// short as labels a call of memcpy, or a branch on the length, costs more than the bytes.
    @inline(__always)
    private static func copyRun(
        _ source: UnsafeRawPointer, _ count: Int, to out: UnsafeMutableRawPointer
    ) {
        unsafe copy64(source, to: out)
        if count > 64 { unsafe (out + 64).copyMemory(from: source + 64, byteCount: count - 64) }
    }

    @inline(__always)
    private static func copy64(_ source: UnsafeRawPointer, to out: UnsafeMutableRawPointer) {
        let first = unsafe source.loadUnaligned(as: SIMD32<UInt8>.self)
        let second = unsafe (source + 32).loadUnaligned(as: SIMD32<UInt8>.self)
        unsafe out.storeBytes(of: first, as: SIMD32<UInt8>.self)
        unsafe (out + 32).storeBytes(of: second, as: SIMD32<UInt8>.self)
    }
}
