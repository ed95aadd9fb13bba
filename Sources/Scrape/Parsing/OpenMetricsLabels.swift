/// Reads what stands between braces in OpenMetrics, name by name. Nothing but a comma may stand between two
/// labels, and no white space anywhere.
struct OpenMetricsLabels {
    /// A label, or a quoted name without a value, which is the metric's.
    struct Element {
        var name: Range<Int>
        /// Nil where no `=` followed.
        var value: Range<Int>?
        /// Whether a backslash stands in either.
        var hasEscapes: Bool
    }

    /// The next byte to read; behind the closing brace at the end.
    private(set) var position: Int
    private let start: Int
    private let limit: Int
    private var needsSeparator = false

    /// Reads from `position`, which stands behind the opening brace; `limit` bounds the bytes.
    init(_ body: RawSpan, at position: Int, limit: Int) {
        self.position = position
        start = position
        self.limit = limit
    }

    /// The next element; nil at the closing brace, which is then behind.
    mutating func next(_ body: RawSpan, isExemplar: Bool) throws(ScrapeError) -> Element? {
        if needsSeparator {
            guard let byte = peek(body), byte == Byte.comma || byte == Byte.closeBrace else {
                throw unexpected(body, ", or } is expected after a label")
            }
            if byte == Byte.comma { position += 1 }
        }
        guard position - start <= limit else {
            throw ScrapeError("the labels take more than \(limit) bytes", offset: start)
        }
        guard let byte = peek(body) else { throw unexpected(body, "a label name or } is expected") }
        if byte == Byte.closeBrace {
            position += 1
            return nil
        }
        needsSeparator = true
        var element = Element(name: position..<position, value: nil, hasEscapes: false)
        if byte == Byte.quote {
            element.name = try quoted(body, .name, newlines: !isExemplar, &element.hasEscapes)
            if let after = peek(body), after == Byte.comma || after == Byte.closeBrace { return element }
        } else if Byte.isNameStart(byte) {
            let nameStart = position
            position = ExpositionParser.endOfName(body, from: nameStart, colons: false)
            element.name = nameStart..<position
        } else {
            throw unexpected(body, "a label name or } is expected")
        }
        guard peek(body) == Byte.equals else {
            throw unexpected(body, "= is expected after the label name")
        }
        position += 1
        guard peek(body) == Byte.quote else { throw unexpected(body, "a quoted label value is expected") }
        let valueStart = position
        let value = try quoted(
            body, isExemplar ? .exemplarValue : .value, newlines: false, &element.hasEscapes)
        guard UTF8Check.isValid(body, value) else {
            throw ScrapeError("the label value is not UTF-8", offset: valueStart)
        }
        element.value = value
        return element
    }

    private enum Kind: String {
        case name = "quoted name"
        case value = "label value"
        case exemplarValue = "exemplar's label value"
    }

    /// A quoted string; the range between the quotes. A backslash takes any byte but a newline with it. A NUL
    /// may stand in a sample's label values alone.
    private mutating func quoted(
        _ body: RawSpan, _ kind: Kind, newlines: Bool, _ hasEscapes: inout Bool
    ) throws(ScrapeError) -> Range<Int> {
        let first = position + 1
        let end = min(body.byteCount, first + limit)
        var offset = first
        while offset < end {
            if offset + 8 <= end {
                let count = Byte.quotedBytes(in: body.uncheckedWord64(offset), lines: true)
                offset += count
                if count == 8 { continue }
            }
            var byte = body.uncheckedByte(offset)
            if byte == Byte.quote {
                position = offset + 1
                return first..<offset
            }
            if byte == Byte.newline, !newlines { break }
            if byte == Byte.backslash {
                hasEscapes = true
                offset += 1
                guard offset < end else { break }
                byte = body.uncheckedByte(offset)
                if byte == Byte.newline { break }
            }
            if byte == 0, kind != .value { break }
            offset += 1
        }
        throw ScrapeError("the \(kind.rawValue) has no closing quote", offset: position)
    }

    private func peek(_ body: RawSpan) -> UInt8? {
        position < body.byteCount ? body.uncheckedByte(position) : nil
    }

    private func unexpected(_ body: RawSpan, _ reason: String) -> ScrapeError {
        let found =
            position < body.byteCount
            ? "\"\(body.excerpt(position..<min(position + 16, body.byteCount)))\"" : "the end"
        return ScrapeError("\(reason), found \(found)", offset: position)
    }
}
