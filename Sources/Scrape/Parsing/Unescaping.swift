/// The escapes of label values, quoted names and help texts.
enum Unescaping {
    /// Appends the bytes of `range`, with `\"`, `\\` and `\n` resolved where there are escapes; any other
    /// backslash stays.
    /// The text format's help texts keep `\"` as it is.
    static func append(
        _ body: RawSpan, _ range: Range<Int>, hasEscapes: Bool, quotes: Bool = true, to text: inout [UInt8]
    ) {
        guard hasEscapes else {
            body.append(range, to: &text)
            return
        }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let byte = body.byte(offset)
            offset += 1
            guard byte == Byte.backslash, offset < range.upperBound else {
                text.append(byte)
                continue
            }
            switch body.byte(offset) {
            case Byte.quote where quotes: text.append(Byte.quote)
            case Byte.backslash: text.append(Byte.backslash)
            case UInt8(ascii: "n"): text.append(Byte.newline)
            case let other:
                text.append(Byte.backslash)
                text.append(other)
            }
            offset += 1
        }
    }
}
