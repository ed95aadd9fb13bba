/// `$NAME` and `${NAME}` replaced, `$$` for a dollar: the rules of Go's os.Expand, but that a brace left open
/// or empty is a fault rather than swallowed.
struct VariableExpansion {
    private(set) var text = ""
    /// Names that the environment lacks or has empty.
    private(set) var unset: [String] = []
    private(set) var fault: String?

    init(_ source: String, environment: [String: String]) {
        var rest = Substring(source)
        while let dollar = rest.firstIndex(of: "$") {
            text += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            let name: Substring
            if rest.first == "{" {
                guard let close = rest.firstIndex(of: "}"), rest.dropFirst().startIndex != close else {
                    fault = "a ${ needs a name and a closing }; write $$ for a dollar"
                    return
                }
                name = rest[rest.index(after: rest.startIndex)..<close]
                rest = rest[rest.index(after: close)...]
            } else if let special = rest.first, "*#$@!?-0123456789".contains(special) {
                name = rest.prefix(1)
                rest = rest.dropFirst()
            } else {
                name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest.dropFirst(name.count)
            }
            switch name {
            case "$": text += "$"
            case "": text += "$"
            default:
                let value = environment[String(name)] ?? ""
                if value.isEmpty { unset.append(String(name)) }
                text += value
            }
        }
        text += rest
    }
}
