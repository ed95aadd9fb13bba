// The only loads from a body. Bodies are bytes of any origin, so each function says which bound it checks
// itself and which its caller has checked.
extension RawSpan {
    /// The byte at `offset`; the bound is checked.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        // Safety: every bit pattern is a UInt8, and the load checks its bounds.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The byte at `offset`, for loops over positions that the caller has checked: `offset < byteCount`.
    @inline(__always)
    func uncheckedByte(_ offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < byteCount)
        // Safety: the caller has checked the bound.
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// Four bytes, the first lowest. The caller has checked `offset + 4 <= byteCount`.
    @inline(__always)
    func uncheckedWord32(_ offset: Int) -> UInt32 {
        assert(offset >= 0 && offset + 4 <= byteCount)
        // Safety: the caller has checked the bound; an unaligned load needs no alignment.
        return UInt32(
            littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }

    /// Eight bytes, the first lowest. The caller has checked `offset + 8 <= byteCount`.
    @inline(__always)
    func uncheckedWord64(_ offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= byteCount)
        // Safety: the caller has checked the bound; an unaligned load needs no alignment.
        return UInt64(
            littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Appends the bytes of `range` to `bytes`; the bounds are checked.
    func append(_ range: Range<Int>, to bytes: inout [UInt8]) {
        // Safety: the pointer is used only inside the closure, for the extracted span's own length.
        unsafe extracting(range).withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// The bytes of `range`; the bounds are checked.
    func copy(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        append(range, to: &bytes)
        return bytes
    }

    /// Whether the bytes at `offset` are those of `text`; letters in either case when asked, `text` being
    /// lower case.
    func hasPrefix(_ text: StaticString, at offset: Int, ignoringCase: Bool = false) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset >= 0, offset <= byteCount, length <= byteCount - offset else { return false }
        for index in 0..<length {
            // Safety: `index` is below the literal's own length, and literals live for ever.
            let wanted = unsafe text.utf8Start[index]
            let found = byte(offset + index)
            guard found == wanted || (ignoringCase && found | 0x20 == wanted) else { return false }
        }
        return true
    }

    /// The bytes of `range` as text for an error, shortened to `limit` bytes, with what is not UTF-8
    /// replaced.
    func excerpt(_ range: Range<Int>, limit: Int = 80) -> String {
        let clamped = max(0, range.lowerBound)..<min(byteCount, range.upperBound)
        var bytes: [UInt8] = []
        append(clamped.lowerBound..<min(clamped.upperBound, clamped.lowerBound + limit), to: &bytes)
        return String(decoding: bytes, as: UTF8.self) + (clamped.count > limit ? "…" : "")
    }
}
