/// Text of others in what people read: errors, log lines, tables. Targets make up labels, an editor leaves a
/// byte order mark in a configuration, whoever wrote a task definition chose its labels. There it stays text,
/// on one line, and all of it is seen.
public enum VisibleText {
    /// The text with an escape, such as `\u{feff}`, for each character that cannot be seen, that ends a line
    /// or that a terminal obeys.
    public static func shown(_ text: String) -> String {
        guard !text.unicodeScalars.allSatisfy(isVisible) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            if scalar == "\n" {
                result += "\\n"
            } else if isVisible(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
    }

    /// The same line by line: for several errors with a line each.
    public static func shownLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { shown(String($0)) }
            .joined(separator: "\n")
    }

    /// Whether a reader sees the character and sees which one it is: spaces other than the plain one are not
    /// told from it.
    static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x20..<0x7F).contains(scalar.value) }
        if scalar.properties.isDefaultIgnorableCodePoint { return false }
        return switch scalar.properties.generalCategory {
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
