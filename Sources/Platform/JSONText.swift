/// Text as JSON has it.
public enum JSONText {
    /// A string with its quotes, RFC 8259 §7; a double-quoted scalar of YAML 1.2 and a quoted value of logfmt
    /// as well. What ends a line and what a terminal would obey is escaped too: DEL, C1, U+2028,
    /// U+2029, and the byte order mark that YAML does not take inside.
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
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || [0x2028, 0x2029, 0xFEFF].contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
