internal import Platform

/// Takes the framing off a body that comes in chunks (RFC 9112 §7.1), whatever pieces it arrives in.
///
/// Strict: chunk extensions, trailer fields and bare line feeds are `unusual`, for libcurl to judge.
struct PlainChunks: Equatable {
    enum Step: Equatable {
        /// Bytes of the body, a range of those given.
        case data(Range<Int>)
        /// All bytes given are used up.
        case more
        /// The body is whole; the bytes from here on are not its own.
        case end(at: Int)
        case unusual
    }

    private enum State: Equatable {
        case size(digits: Int)
        case sizeNewline
        case data
        case dataReturn
        case dataNewline
        case lastReturn
        case lastNewline
        case ended
    }

    /// 256 MiB a chunk: more than any body that is read.
    private static let sizeDigits = 7

    private var state = State.size(digits: 0)
    private var left = 0

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
            guard let following = following(bytes[place]) else { return .unusual }
            state = following
            place += 1
        }
        return state == .ended ? .end(at: place) : .more
    }

    /// The state behind a byte of the framing; nil when it may not stand there.
    private mutating func following(_ byte: UInt8) -> State? {
        switch state {
        case .size(let digits):
            if byte == 0x0D { return digits > 0 ? .sizeNewline : nil }
            guard digits < Self.sizeDigits, let value = HexDigit.value(byte).map(Int.init) else { return nil }
            left = left << 4 | value
            return .size(digits: digits + 1)
        case .sizeNewline: return byte == 0x0A ? (left > 0 ? .data : .lastReturn) : nil
        case .dataReturn: return byte == 0x0D ? .dataNewline : nil
        case .dataNewline: return byte == 0x0A ? .size(digits: 0) : nil
        case .lastReturn: return byte == 0x0D ? .lastNewline : nil
        case .lastNewline: return byte == 0x0A ? .ended : nil
        case .data, .ended: return nil
        }
    }
}
