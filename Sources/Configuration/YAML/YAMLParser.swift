internal import CYAML

/// A place in a text: line and column from 1, the column counted in characters.
struct YAMLMark: Equatable {
    let line: Int
    let column: Int
}

/// What libyaml says is wrong, where it could go no further.
struct YAMLSyntaxError: Error {
    let mark: YAMLMark
    let message: String
}

/// One event of libyaml's parser.
struct YAMLEvent {
    enum Kind {
        case alias(String)
        /// `plain` is true when no quotes and no block indicator said that this is a string.
        case scalar(text: String, plain: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case documentStart, streamEnd
        /// Stream start and document end, which nobody needs.
        case other
    }

    let kind: Kind
    let mark: YAMLMark
    let anchor: String?
    /// The full tag, for instance `tag:yaml.org,2002:str`; nil where none is written.
    let tag: String?
}

/// libyaml over a text in memory. The one importer of CYAML.
///
/// libyaml's parser keeps a pointer to itself and one to the text, so both live on the heap until `deinit`.
@safe
struct YAMLParser: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    /// Takes a copy of the text, which is read as UTF-8. A byte order mark before it is left out: told the
    /// encoding, libyaml takes one for the text's first character.
    init(_ text: [UInt8]) {
        let bytes = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
        unsafe parser = .allocate(capacity: 1)
        unsafe self.text = .allocate(capacity: max(1, bytes.count))
        // Safety: the buffer is at least as long as `bytes` and is freed in deinit, after the parser.
        _ = unsafe self.text.update(from: bytes)
        precondition(unsafe yaml_parser_initialize(parser) == 1, "libyaml has memory for a parser")
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, self.text.baseAddress, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event. After an error or `streamEnd` it must not be called again.
    func next() throws(YAMLSyntaxError) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        // Safety: a parsed event owns its strings until it is deleted below, after they were copied.
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        return unsafe read(event)
    }

    private func read(_ event: yaml_event_t) -> YAMLEvent {
        let kind: YAMLEvent.Kind
        var anchor: String?
        var tag: String?
        // Safety: each union member is read only under the type that libyaml sets with it.
        switch unsafe event.type {
        case YAML_ALIAS_EVENT:
            kind = .alias(unsafe string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let plain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            kind = .scalar(text: unsafe String(decoding: bytes, as: UTF8.self), plain: plain)
            anchor = unsafe string(scalar.anchor)
            tag = unsafe string(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            anchor = unsafe string(event.data.sequence_start.anchor)
            tag = unsafe string(event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            anchor = unsafe string(event.data.mapping_start.anchor)
            tag = unsafe string(event.data.mapping_start.tag)
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        default: kind = .other
        }
        return unsafe YAMLEvent(kind: kind, mark: mark(event.start_mark), anchor: anchor, tag: tag)
    }

    private func failure() -> YAMLSyntaxError {
        let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "unknown problem"
        if unsafe parser.pointee.error == YAML_READER_ERROR {
            // The reader works on bytes before there are lines, so it gives an offset and no mark.
            return unsafe YAMLSyntaxError(
                mark: mark(ofByte: parser.pointee.problem_offset), message: readerMessage(problem))
        }
        let place = unsafe mark(parser.pointee.problem_mark)
        let begun = unsafe mark(parser.pointee.context_mark)
        let context = unsafe parser.pointee.context.map {
            unsafe String(cString: $0) + (begun.line < place.line ? " begun in line \(begun.line)" : "")
        }
        let message = [context, problem].compactMap { $0 }.joined(separator: ": ")
        return YAMLSyntaxError(mark: place, message: message + hint(problem, place))
    }

    private func readerMessage(_ problem: String) -> String {
        problem.contains("control characters")
            ? "a control character that YAML does not allow" : "this is not UTF-8 (\(problem))"
    }

    /// What to do about the mistakes that libyaml's own words do not explain.
    private func hint(_ problem: String, _ place: YAMLMark) -> String {
        let index = unsafe Int(parser.pointee.problem_mark.index)
        if problem.contains("cannot start any token"), unsafe index < text.count, unsafe text[index] == 0x09 {
            return " (a tab; YAML is indented with spaces)"
        }
        if problem.contains("mapping values are not allowed") {
            return " (a \": \" inside a value needs quotes; or the line is indented wrongly)"
        }
        return ""
    }

    private func mark(_ mark: yaml_mark_t) -> YAMLMark {
        YAMLMark(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func mark(ofByte offset: Int) -> YAMLMark {
        var line = 1
        var column = 1
        for index in 0..<min(max(0, offset), unsafe text.count) {
            let byte = unsafe text[index]
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return YAMLMark(line: line, column: column)
    }

    private func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        // Safety: libyaml ends its strings with a zero.
        return unsafe String(cString: pointer)
    }
}
