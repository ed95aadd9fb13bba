/// Text as JSON has it.
public enum JSONText {
    /// A string with its quotes, RFC 8259 §7; a double-quoted scalar of YAML 1.2 and a quoted value of logfmt
    /// as well. What ends a line, what a terminal would obey and what cannot be seen is escaped, too: by the
    /// rule of `VisibleText`.
    public static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
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
        return result + "\""
    }
}
