internal import Platform

/// Takes the framing off a body that comes in chunks (RFC 9112 §7.1), whatever pieces it arrives in.
///
/// Chunk extensions and trailer fields are passed over, and a line may end with a line feed alone.
struct PlainChunks: Equatable {
    enum Step: Equatable {
        /// Bytes of the body, a range of those given.
        case data(Range<Int>)
        /// All bytes given are used up.
        case more
        /// The body is whole; the bytes from here on are not its own.
        case end(at: Int)
        /// Says what is wrong, as the end of a sentence.
        case malformed(String)
    }

    private enum State: Equatable {
        case size(digits: Int)
        /// The rest of a size's line.
        case sizeLine
        case data
        case dataReturn
        case dataNewline
        /// A line of the trailer; an empty one ends the body.
        case trailer(isEmpty: Bool)
        case ended
    }

    /// Above any body that is read; the limit of the body itself is lower.
    private static let sizeDigits = 15
    /// What is passed over of one body: the ends of size lines with their extensions, beyond what each chunk
    /// may have, and the trailer.
    private static let ignoredLimit = 128 << 10
    /// A chunk may have this much of it for nothing, as in Go: a line end, white space, a short extension. So
    /// the number of chunks has no limit but the body's own.
    private static let forgivenBytes = 16

    private var state = State.size(digits: 0)
    private var left = 0
    private var ignored = 0

    /// The next step in `bytes` from `place` on, which is moved behind it.
    mutating func next(_ bytes: Span<UInt8>, _ place: inout Int) -> Step {
        while place < bytes.count, state != .ended {
            if state == .data {
                let range = place..<place + min(left, bytes.count - place)
                left -= range.count
                place = range.upperBound
                if left == 0 { state = .dataReturn }
                return .data(range)
            }
            guard let following = following(bytes[place]) else {
                return .malformed("the chunks of the body are malformed")
            }
            guard ignored <= Self.ignoredLimit else {
                return .malformed("chunk extensions or trailer fields exceed \(Self.ignoredLimit) bytes")
            }
            state = following
            place += 1
        }
        return state == .ended ? .end(at: place) : .more
    }

    /// The state behind a byte of the framing; nil when it may not stand there.
    private mutating func following(_ byte: UInt8) -> State? {
        switch state {
        case .size(let digits):
            if let value = HexDigit.value(byte).map(Int.init) {
                guard digits < Self.sizeDigits else { return nil }
                left = left << 4 | value
                return .size(digits: digits + 1)
            }
            guard digits > 0 else { return nil }
            switch byte {
            case 0x0A: return afterSize
            case 0x0D, 0x20, 0x09, UInt8(ascii: ";"): return .sizeLine
            default: return nil
            }
        case .sizeLine:
            ignored += 1
            guard byte == 0x0A else { return .sizeLine }
            if left > 0 { ignored = max(0, ignored - Self.forgivenBytes) }
            return afterSize
        case .dataReturn: return byte == 0x0D ? .dataNewline : byte == 0x0A ? .size(digits: 0) : nil
        case .dataNewline: return byte == 0x0A ? .size(digits: 0) : nil
        case .trailer(let isEmpty):
            ignored += 1
            if byte == 0x0A { return isEmpty ? .ended : .trailer(isEmpty: true) }
            return .trailer(isEmpty: isEmpty && byte == 0x0D)
        case .data, .ended: return nil
        }
    }

    private var afterSize: State { left > 0 ? .data : .trailer(isEmpty: true) }
}
