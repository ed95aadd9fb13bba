extension ExpositionParser {
    /// A line that begins with `#`: HELP and TYPE are checked, anything else is passed over.
    mutating func comment(_ body: RawSpan) throws(ScrapeError) {
        noteComment()
        let hash = position
        position += 1
        let blanks = position
        skipBlanks(body)
        let isHelp = body.hasPrefix("HELP", at: position)
        let isType = body.hasPrefix("TYPE", at: position)
        let afterWord = position + 4
        guard position > blanks, isHelp || isType, afterWord < body.byteCount,
            Byte.isBlank(body.uncheckedByte(afterWord))
        else {
            _ = restOfLine(body)
            return
        }
        position = afterWord
        skipBlanks(body)
        guard let byte = peek(body) else {
            throw unexpected(body, "a metric name is expected after HELP or TYPE")
        }
        var hasEscapes = false
        let name: Range<Int>
        if byte == Byte.quote {
            name = try quoted(body, what: "quoted metric name", hasEscapes: &hasEscapes)
        } else if Byte.isNameStart(byte) || byte == Byte.colon {
            name = nameToken(body)
        } else {
            throw unexpected(body, "a metric name is expected after HELP or TYPE")
        }
        var text = restOfLine(body)
        // Prometheus takes one byte off, whatever it is, and keeps all others.
        if !text.isEmpty { text = (text.lowerBound + 1)..<text.upperBound }
        if isHelp {
            guard UTF8Check.isValid(body, text) else {
                throw ScrapeError("the help text is not UTF-8", offset: hash)
            }
        } else {
            type = try familyType(body, text, at: hash)
        }
        try noteMetadata(isHelp ? .help : .type, name: name, nameHasEscapes: hasEscapes, text: text)
    }

    private func familyType(
        _ body: RawSpan, _ text: Range<Int>, at offset: Int
    ) throws(ScrapeError) -> FamilyType {
        func says(_ word: StaticString) -> Bool {
            text.count == word.utf8CodeUnitCount && body.hasPrefix(word, at: text.lowerBound)
        }
        if says("counter") || says("gauge") || says("untyped") { return .other }
        if says("histogram") { return .histogram }
        if says("summary") { return .summary }
        throw ScrapeError(
            "\"\(body.excerpt(text))\" is no metric type; counter, gauge, histogram, summary and untyped are",
            offset: offset)
    }
}
