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

    private func number(_ index: Int) -> Int {
        Int(load(numbersStart + index * Int(numberBytes), bytes: Int(numberBytes)))
    }

    /// The part of this number.
    func part(_ number: Int) -> Part {
        let word = load(partsStart + number * Int(partBytes), bytes: Int(partBytes))
        let length = (word >> UInt64(offsetBits)) & (1 << UInt64(lengthBits) - 1)
        return Part(
            offset: Int(word & (1 << UInt64(offsetBits) - 1)), length: Int(length),
            run: Int(word >> UInt64(offsetBits + lengthBits)))
    }

    /// A little-endian number of one to eight bytes.
    private func load(_ offset: Int, bytes count: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 8 <= bytes.count, "eight bytes follow where any number begins")
        // Safety: the bound has been checked, and every bit pattern is a number.
        let word = unsafe bytes.span.bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: offset, as: UInt64.self)
        return UInt64(littleEndian: word) & (UInt64.max >> UInt64(64 - 8 * count))
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
