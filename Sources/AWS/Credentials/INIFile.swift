/// AWS' credentials and config files, by the grammar botocore reads them with (Python's RawConfigParser).
///
/// Sections in brackets; `key = value` or `key: value`, keys without regard to case; comments are whole lines
/// that begin with `#` or `;`; a line indented deeper than its key goes on with the value.
struct INIFile: Sendable, Equatable {
    struct Fault: Error, Equatable {
        let line: Int
        let message: String
    }

    private(set) var sections: [String: [String: String]] = [:]

    /// Throws for what botocore refuses too: a line that is neither section nor key, a section or key twice.
    init(_ bytes: [UInt8]) throws(Fault) {
        var section: String?
        var key: String?
        var indentation = 0
        for (index, line) in Self.lines(of: bytes).enumerated() {
            let content = Self.trimmed(line)
            guard let first = content.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else {
                continue
            }
            let depth = line.prefix { Self.isSpace($0) }.count
            if let section, let key, depth > indentation {
                sections[section]?[key, default: ""] += "\n" + String(decoding: content, as: UTF8.self)
                continue
            }
            indentation = depth
            if first == UInt8(ascii: "["), let end = content.lastIndex(of: UInt8(ascii: "]")),
                end > content.startIndex + 1
            {
                let name = String(decoding: content[(content.startIndex + 1)..<end], as: UTF8.self)
                guard sections[name] == nil else {
                    throw Fault(
                        line: index + 1, message: "the section [\(name)] stands here for the second time")
                }
                sections[name] = [:]
                section = name
                key = nil
                continue
            }
            guard let section else {
                throw Fault(line: index + 1, message: "a line stands before the first [section]")
            }
            guard
                let separator = content.firstIndex(where: {
                    $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":")
                }),
                separator > content.startIndex
            else { throw Fault(line: index + 1, message: "the line is neither a [section] nor key = value") }
            let name = String(decoding: Self.trimmed(content[..<separator]), as: UTF8.self).lowercased()
            guard sections[section]?[name] == nil else {
                throw Fault(
                    line: index + 1, message: "the key \(name) stands in [\(section)] for the second time")
            }
            let value = Self.trimmed(content[separator...].dropFirst())
            sections[section]?[name] = String(decoding: value, as: UTF8.self)
            key = name
        }
    }

    private static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
        return text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = text.drop { isSpace($0) }
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
