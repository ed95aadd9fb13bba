extension ExpositionParser {
    /// What stands between the braces, the closing one included; the opening one has been read. A quoted
    /// string that no `=` follows is the metric's name, once, and only where none stood in front of the
    /// braces.
    mutating func labelList(_ body: RawSpan, hasName: inout Bool) throws(ScrapeError) {
        while true {
            if plainLabel(body) { continue }
            skipBlanks(body)
            if position - lineStart > Self.maxSeriesBytes { throw tooLong() }
            guard let byte = peek(body) else { throw unexpected(body, "a label name or } is expected") }
            if byte == Byte.closeBrace {
                position += 1
                return
            }
            let nameStart = position
            var labelName: Range<Int>
            var hasEscapes = false
            if byte == Byte.quote {
                labelName = try quoted(body, what: "quoted name", hasEscapes: &hasEscapes)
                guard UTF8Check.isValid(body, labelName) else {
                    throw ScrapeError("the quoted name is not UTF-8", offset: nameStart)
                }
                skipBlanks(body)
                if let after = peek(body), after == Byte.comma || after == Byte.closeBrace {
                    guard !hasName else {
                        throw ScrapeError("the sample has a second metric name", offset: nameStart)
                    }
                    guard !labelName.isEmpty else {
                        throw ScrapeError("the metric name is empty", offset: nameStart)
                    }
                    hasName = true
                    setName(labelName, hasEscapes: hasEscapes)
                    if after == Byte.comma { position += 1 }
                    continue
                }
                guard !labelName.isEmpty else {
                    throw ScrapeError("a label name is empty", offset: nameStart)
                }
            } else if Byte.isNameStart(byte) {
                labelName = labelToken(body)
                skipBlanks(body)
            } else {
                throw unexpected(body, "a label name or } is expected")
            }
            guard peek(body) == Byte.equals else {
                throw unexpected(body, "= is expected after the label name")
            }
            position += 1
            skipBlanks(body)
            let valueStart = position
            guard peek(body) == Byte.quote else { throw unexpected(body, "a quoted label value is expected") }
            let value = try quoted(body, what: "label value", hasEscapes: &hasEscapes)
            guard UTF8Check.isValid(body, value) else {
                throw ScrapeError("the label value is not UTF-8", offset: valueStart)
            }
            addLabel(LabelRange(name: labelName, value: value, hasEscapes: hasEscapes))
            skipBlanks(body)
            // Prometheus takes labels without a comma between them, in this format only.
            if peek(body) == Byte.comma { position += 1 }
        }
    }

    /// Reads a label as nearly all are written: no white space, quoted name or escape, a value in ASCII, and
    /// a comma or the closing brace behind. Moves behind the comma, or to the brace. False where it is
    /// another; nothing has been read then.
    private mutating func plainLabel(_ body: RawSpan) -> Bool {
        let start = position
        let end = min(body.byteCount, lineStart + Self.maxSeriesBytes)
        guard start < end, Byte.isNameStart(body.uncheckedByte(start)) else { return false }
        let nameEnd = Self.endOfName(body, from: start, colons: false)
        let valueStart = nameEnd + 2
        guard valueStart < end, body.uncheckedByte(nameEnd) == Byte.equals,
            body.uncheckedByte(nameEnd + 1) == Byte.quote
        else { return false }
        var offset = valueStart
        while offset + 8 < end {
            let word = body.uncheckedWord64(offset)
            let count = Byte.quotedBytes(in: word, lines: false)
            guard Byte.isASCII(word, first: count) else { return false }
            offset += count
            if count == 8 { continue }
            guard body.uncheckedByte(offset) == Byte.quote else { return false }
            let behind = body.uncheckedByte(offset + 1)
            guard behind == Byte.comma || behind == Byte.closeBrace else { return false }
            addLabel(LabelRange(name: start..<nameEnd, value: valueStart..<offset, hasEscapes: false))
            position = behind == Byte.comma ? offset + 2 : offset + 1
            return true
        }
        return false
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`; the caller has seen the first byte.
    private mutating func labelToken(_ body: RawSpan) -> Range<Int> {
        let start = position
        position = Self.endOfName(body, from: start, colons: false)
        return start..<position
    }

    /// A quoted string, newlines and NULs included; the range between the quotes. A backslash takes any byte
    /// but a newline with it.
    mutating func quoted(
        _ body: RawSpan, what: String, hasEscapes: inout Bool
    ) throws(ScrapeError) -> Range<Int> {
        let start = position + 1
        let limit = min(body.byteCount, start + Self.maxSeriesBytes)
        var offset = start
        while offset < limit {
            if offset + 8 <= limit {
                let count = Byte.quotedBytes(in: body.uncheckedWord64(offset), lines: false)
                offset += count
                if count == 8 { continue }
            }
            let byte = body.uncheckedByte(offset)
            if byte == Byte.quote {
                position = offset + 1
                return start..<offset
            }
            if byte == Byte.backslash {
                hasEscapes = true
                offset += 1
                if offset < limit, body.uncheckedByte(offset) == Byte.newline { break }
            }
            offset += 1
        }
        if offset >= start + Self.maxSeriesBytes { throw tooLong() }
        throw ScrapeError("the \(what) has no closing quote", offset: position)
    }
}
