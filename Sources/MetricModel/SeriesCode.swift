/// The labels of a chunk's series, each stretch of bytes kept once: neighbours share their metric's name and
/// most of their labels. A series takes 27 bytes, where its
/// labels written out take 135 (500 targets of 2,000 series, all different).
///
/// A series is a list of parts. A part is a stretch of `text`, then some of the target's labels. Equal series
/// have equal codes: the coder decides by the labels alone.
///
/// `bytes` is the text, then the parts, then for each series, and behind the last one, the number of its
/// first part, then room for wide loads. Parts and numbers are little-endian and as wide as the chunk needs.
public struct SeriesCode: Sendable, Equatable {
    /// Some of the target's labels, by index into `Target.labels`.
    public struct TargetRun: Sendable, Hashable {
        public let first: UInt16
        public let count: UInt16
    }

    /// A stretch of the text, then the target's labels that `targetRuns` has at `run`.
    public struct Part: Equatable {
        public let offset: Int
        public let length: Int
        public let run: Int
    }

    /// As many bytes behind any stretch's beginning may be read.
    public static let readableBytes = 64

    public let bytes: [UInt8]
    /// Bytes of text, at the beginning of `bytes`.
    public let textBytes: Int
    /// Bytes of all series' own labels, as they are one after the other.
    public let labelBytes: Int
    public let partCount: Int
    public let seriesCount: Int
    /// Bits of a part, from the lowest: the stretch's offset, its length, and above them the number of the
    /// target's labels in `targetRuns`.
    public let offsetBits: UInt8
    public let lengthBits: UInt8
    /// Bytes that a part takes, eight at most.
    public let partBytes: UInt8
    /// Bytes that the number of a series' first part takes, four at most.
    public let numberBytes: UInt8
    /// What of the target's labels follows a stretch. The first is none.
    public let targetRuns: [TargetRun]

    /// The greatest length of a part.
    public var mostLength: Int { 1 << Int(lengthBits) - 1 }
    /// Where in `bytes` the parts begin.
    public var partsStart: Int { textBytes }
    /// Where in `bytes` the numbers of the series' first parts begin.
    public var numbersStart: Int { textBytes + partCount * Int(partBytes) }

    /// Bytes held beside the struct.
    var heldBytes: Int { bytes.count + targetRuns.count * MemoryLayout<TargetRun>.stride }

    /// The parts of one series, by their numbers.
    func parts(ofSeries index: Int) -> Range<Int> {
        precondition(index >= 0 && index < seriesCount, "the chunk has the series")
        return number(index)..<number(index + 1)
    }

    @inline(__always)
    private func number(_ index: Int) -> Int {
        Int(load(numbersStart + index * Int(numberBytes), bytes: Int(numberBytes)))
    }

    /// The part of this number.
    @inline(__always)
    func part(_ number: Int) -> Part {
        let word = load(partsStart + number * Int(partBytes), bytes: Int(partBytes))
        let length = (word >> UInt64(offsetBits)) & (1 << UInt64(lengthBits) - 1)
        return Part(
            offset: Int(word & (1 << UInt64(offsetBits) - 1)), length: Int(length),
            run: Int(word >> UInt64(offsetBits + lengthBits)))
    }

    /// A little-endian number of one to eight bytes.
    @inline(__always)
    private func load(_ offset: Int, bytes count: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 8 <= bytes.count, "eight bytes follow where any number begins")
        // Safety: the bound has been checked, and every bit pattern is a number.
        let word = unsafe bytes.span.bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: offset, as: UInt64.self)
        return UInt64(littleEndian: word) & (UInt64.max >> UInt64(64 - 8 * count))
    }

    /// The labels of some series one after the other.
    func plain(of range: Range<Int>) -> LayoutChunk.Plain {
        precondition(range.lowerBound >= 0 && range.upperBound <= seriesCount, "the chunk has the series")
        var plain = LayoutChunk.Plain()
        plain.pieceOffsets.reserveCapacity(range.count + 1)
        let all = number(range.lowerBound)..<number(range.upperBound)
        plain.pieces.reserveCapacity(all.count + range.count)
        let count = all.reduce(0) { $0 + part($1).length }
        // What is copied at once may reach behind the last stretch.
        // Safety: the parts' lengths add up to `count`, for which there is room with a whole copy more;
        // behind the beginning of any stretch as many bytes as one copy takes may be read; no pointer leaves
        // the closures.
        plain.bytes = unsafe [UInt8](unsafeUninitializedCapacity: count + Self.copiedAtOnce) { room, end in
            unsafe bytes.withUnsafeBytes { text in
                guard let text = text.baseAddress, let base = room.baseAddress else { return }
                let out = UnsafeMutableRawPointer(base)
                for series in range {
                    let first = plain.pieces.count
                    var runEnd = end
                    for number in number(series)..<number(series + 1) {
                        let part = part(number)
                        precondition(part.offset + part.length <= textBytes, "a stretch lies in the text")
                        unsafe Self.copy(text + part.offset, part.length, to: out + end)
                        end += part.length
                        let run = targetRuns[part.run]
                        guard run.count > 0 else { continue }
                        runEnd = end
                        plain.pieces.append(
                            LayoutChunk.Piece(
                                runEnd: UInt32(end), firstTargetLabel: run.first, targetLabelCount: run.count)
                        )
                    }
                    if plain.pieces.count == first || runEnd < end {
                        plain.pieces.append(
                            LayoutChunk.Piece(runEnd: UInt32(end), firstTargetLabel: 0, targetLabelCount: 0))
                    }
                    plain.pieceOffsets.append(UInt32(plain.pieces.count))
                }
            }
        }
        return plain
    }

    private static let copiedAtOnce = 32

    /// Copies a stretch, and what is behind it up to `copiedAtOnce` bytes.
    // Safety: the caller vouches for as many bytes at both places, and for `count` where that is more.
    @inline(__always)
    private static func copy(_ stretch: UnsafeRawPointer, _ count: Int, to place: UnsafeMutableRawPointer) {
        guard count <= copiedAtOnce else {
            unsafe place.copyMemory(from: stretch, byteCount: count)
            return
        }
        unsafe place.storeBytes(
            of: stretch.loadUnaligned(as: SIMD32<UInt8>.self), as: SIMD32<UInt8>.self)
    }

    /// Appends a series' own labels, and where the target's stand in between.
    func append(series index: Int, to bytes: inout [UInt8], _ pieces: inout [LayoutChunk.Piece]) {
        let start = bytes.count
        let first = pieces.count
        for number in parts(ofSeries: index) {
            let part = part(number)
            let stretch = self.bytes.span.extracting(part.offset..<part.offset + part.length)
            // Safety: the pointer is used only inside the closure, for the span's own length.
            unsafe stretch.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
            let run = targetRuns[part.run]
            if run.count > 0 {
                pieces.append(
                    LayoutChunk.Piece(
                        runEnd: UInt32(bytes.count), firstTargetLabel: run.first,
                        targetLabelCount: run.count))
            }
        }
        let end = pieces.count > first ? Int(pieces[pieces.count - 1].runEnd) : start
        if pieces.count == first || end < bytes.count {
            pieces.append(
                LayoutChunk.Piece(runEnd: UInt32(bytes.count), firstTargetLabel: 0, targetLabelCount: 0))
        }
    }
}
