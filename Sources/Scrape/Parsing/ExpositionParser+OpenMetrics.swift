/// OpenMetrics 0.0.1 and 1.0.0 as Prometheus 3 reads them: laxer than the specification in what it knows of
/// families, stricter than the text format in white space and line ends.
extension ExpositionParser {
    /// Moves on to the next sample; false at `# EOF`, behind which nothing may stand.
    mutating func nextOpenMetrics(_ body: RawSpan, segmentStart: Int) throws(ScrapeError) -> Bool {
        while true {
            beginLine()
            guard let byte = peek(body) else { throw .missingEOF(offset: position) }
            if byte != Byte.hash {
                try openMetricsSample(body, first: byte, segmentStart: segmentStart)
                return true
            }
            if try openMetricsComment(body) { return false }
        }
    }

    private mutating func openMetricsSample(
        _ body: RawSpan, first: UInt8, segmentStart: Int
    ) throws(ScrapeError) {
        beginSample()
        var hasName = false
        if Byte.isNameStart(first) || first == Byte.colon {
            setName(nameToken(body), hasEscapes: false)
            hasName = true
        } else if first != Byte.openBrace {
            throw unexpected(body, "a metric, # HELP, # TYPE, # UNIT or # EOF is expected")
        }
        if peek(body) == Byte.openBrace {
            try openMetricsLabels(body, hasName: &hasName)
        }
        guard hasName else { throw ScrapeError("the sample has no metric name", offset: lineStart) }
        guard position - lineStart <= Self.maxSeriesBytes else { throw tooLong() }
        let segment = segmentStart..<position
        let end = try OpenMetricsLineEnd(body, at: position)
        position = end.end
        endSample(segment, end)
    }

    private mutating func openMetricsLabels(_ body: RawSpan, hasName: inout Bool) throws(ScrapeError) {
        var labels = OpenMetricsLabels(body, at: position + 1, limit: Self.maxSeriesBytes)
        while let element = try labels.next(body, isExemplar: false) {
            let isQuoted = body.byte(element.name.lowerBound - 1) == Byte.quote
            if isQuoted, !UTF8Check.isValid(body, element.name) {
                throw ScrapeError("the quoted name is not UTF-8", offset: element.name.lowerBound)
            }
            if element.name.isEmpty {
                throw ScrapeError(
                    element.value == nil ? "the metric name is empty" : "a label name is empty",
                    offset: element.name.lowerBound)
            }
            if let value = element.value {
                addLabel(LabelRange(name: element.name, value: value, hasEscapes: element.hasEscapes))
            } else {
                guard !hasName else {
                    throw ScrapeError(
                        "the sample has a second metric name", offset: element.name.lowerBound)
                }
                hasName = true
                setName(element.name, hasEscapes: element.hasEscapes)
            }
        }
        position = labels.position
    }

    /// HELP, TYPE, UNIT or EOF, with one space between all; true for EOF.
    private mutating func openMetricsComment(_ body: RawSpan) throws(ScrapeError) -> Bool {
        noteComment()
        guard body.hasPrefix("# ", at: position) else {
            throw unexpected(body, "a space is expected after #")
        }
        if body.hasPrefix("# EOF", at: position) {
            position += 5
            if peek(body) == Byte.newline { position += 1 }
            guard position == body.byteCount else { throw unexpected(body, "nothing may follow # EOF") }
            return true
        }
        let kind: FamilyMetadata.Kind
        if body.hasPrefix("HELP ", at: position + 2) {
            kind = .help
        } else if body.hasPrefix("TYPE ", at: position + 2) {
            kind = .type
        } else if body.hasPrefix("UNIT ", at: position + 2) {
            kind = .unit
        } else {
            throw unexpected(body, "# HELP, # TYPE, # UNIT or # EOF is expected")
        }
        position += 7
        let (name, hasEscapes) = try openMetricsFamilyName(body)
        guard peek(body) == 0x20 else { throw unexpected(body, "a space is expected after the metric name") }
        let line = restOfLine(body)
        guard line.upperBound < body.byteCount else { throw .missingEOF(offset: line.upperBound) }
        let text = line.lowerBound + 1..<line.upperBound
        switch kind {
        case .help:
            guard UTF8Check.isValid(body, text) else {
                throw ScrapeError("the help text is not UTF-8", offset: lineStart)
            }
        case .type: try setOpenMetricsType(body, text)
        case .unit: try checkUnit(body, name, text)
        }
        try noteMetadata(kind, name: name, nameHasEscapes: hasEscapes, text: text)
        return false
    }

    private mutating func openMetricsFamilyName(
        _ body: RawSpan
    ) throws(ScrapeError) -> (Range<Int>, Bool) {
        guard let byte = peek(body) else { throw .missingEOF(offset: position) }
        if byte == Byte.quote {
            var hasEscapes = false
            let name = try quoted(body, what: "quoted metric name", hasEscapes: &hasEscapes)
            return (name, hasEscapes)
        }
        guard Byte.isNameStart(byte) || byte == Byte.colon else {
            throw unexpected(body, "a metric name is expected")
        }
        return (nameToken(body), false)
    }

    private mutating func setOpenMetricsType(_ body: RawSpan, _ text: Range<Int>) throws(ScrapeError) {
        func says(_ word: StaticString) -> Bool {
            text.count == word.utf8CodeUnitCount && body.hasPrefix(word, at: text.lowerBound)
        }
        if says("histogram") {
            type = .histogram
        } else if says("summary") {
            type = .summary
        } else if says("counter") {
            type = .counter
        } else if says("gauge") || says("gaugehistogram") || says("info")
            || says("stateset") || says("unknown")
        {
            type = .other
        } else {
            throw ScrapeError(
                "\"\(body.excerpt(text))\" is no metric type; counter, gauge, histogram, gaugehistogram,"
                    + " summary, info, stateset and unknown are", offset: lineStart)
        }
    }

    /// A unit is the end of its metric's name, behind an underscore.
    private func checkUnit(_ body: RawSpan, _ name: Range<Int>, _ unit: Range<Int>) throws(ScrapeError) {
        if unit.isEmpty { return }
        let start = name.upperBound - unit.count
        var matches = start > name.lowerBound && body.byte(start - 1) == UInt8(ascii: "_")
        if matches {
            for index in 0..<unit.count
            where body.uncheckedByte(start + index) != body.uncheckedByte(unit.lowerBound + index) {
                matches = false
                break
            }
        }
        guard matches else {
            throw ScrapeError(
                "the unit \"\(body.excerpt(unit))\" is no suffix of the metric \"\(body.excerpt(name))\"",
                offset: lineStart)
        }
    }
}
