/// Text in double quotes, as JSON, YAML and logfmt have it. Trees of values are written by the room JSON.
public enum JSONText {
    /// A string with its quotes, RFC 8259 §7; a double-quoted scalar of YAML 1.2 and a quoted value of logfmt
    /// as well. What ends a line, what a terminal would obey and what cannot be seen is escaped, too: by the
    /// rule of `VisibleText`.
    public static func quoted(_ text: String) -> String {
        var result = ""
        quote(text, into: &result)
        return result
    }

    /// Appends `text` as `quoted` gives it.
    public static func quote(_ text: String, into result: inout String) {
        result += "\""
        // Nearly all text is plain and is taken over at once.
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }) {
            result += text
        } else {
            for scalar in text.unicodeScalars { quote(scalar, into: &result) }
        }
        result += "\""
    }

    private static func quote(_ scalar: Unicode.Scalar, into result: inout String) {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case _
        // Beyond the first 65,536 JSON and YAML have no escape in common.
        where scalar.value < 0x10000 && !VisibleText.isVisible(scalar):
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
}
