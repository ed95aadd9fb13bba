/// One drawing as SVG that can stand in a page: dark where the reader's system is dark, and so narrow that
/// its letters can still be read where it is as wide as a phone. Colours are told apart by people who do not
/// see red and green, and every colour is named in the legend.
struct PlotPage {
    static let width = 480.0
    /// As many as there are colours; a further line has the first one's again.
    static let colours = 6

    private static let style = """
        <style>
        text{font:13px sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}.paper{fill:#fff}
        .grid{stroke:#ddd;fill:none}.axis{stroke:#888;fill:none}.line{fill:none;stroke-width:2}
        .line{stroke-linejoin:round}.event{stroke:#888;fill:none;stroke-dasharray:3 3}
        .f0{fill:#0b65c2}.f1{fill:#d9730d}.f2{fill:#2f7d4f}.f3{fill:#8a4fbf}.f4{fill:#6b6b6b}.f5{fill:#b0305c}
        .s0{stroke:#0b65c2}.s1{stroke:#d9730d}.s2{stroke:#2f7d4f}.s3{stroke:#8a4fbf}.s4{stroke:#6b6b6b}
        .s5{stroke:#b0305c}
        @media (prefers-color-scheme:dark){text{fill:#e6e6e6}.paper{fill:#161616}.grid{stroke:#3a3a3a}
        .axis,.event{stroke:#8a8a8a}.f0{fill:#6cb2ff}.f1{fill:#ffa657}.f2{fill:#7ad19b}.f3{fill:#c9a0f0}
        .f4{fill:#b5b5b5}.f5{fill:#ff8fb3}.s0{stroke:#6cb2ff}.s1{stroke:#ffa657}.s2{stroke:#7ad19b}
        .s3{stroke:#c9a0f0}.s4{stroke:#b5b5b5}.s5{stroke:#ff8fb3}}
        </style>

        """

    private var body = ""

    init(title: String) { text(16, 24, title, anchor: "start", style: "title") }

    /// The whole file.
    func svg(height: Double) -> String {
        let (width, height) = (Self.number(Self.width), Self.number(height))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)">
            \(Self.style)<rect class="paper" width="\(width)" height="\(height)"/>
            \(body)</svg>

            """
    }

    mutating func text(_ x: Double, _ y: Double, _ text: String, anchor: String, style: String = "") {
        let named = style.isEmpty ? "" : " class=\"\(style)\""
        body +=
            "<text\(named) x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\">"
            + "\(Self.escaped(text))</text>\n"
    }

    mutating func line(_ points: [(x: Double, y: Double)], style: String) {
        let all = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
        body += "<polyline class=\"\(style)\" points=\"\(all)\"/>\n"
    }

    /// A rectangle with a tooltip.
    mutating func bar(x: Double, y: Double, width: Double, height: Double, colour: Int, says: String) {
        body +=
            "<rect class=\"f\(colour % Self.colours)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" "
            + "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\">"
            + "<title>\(Self.escaped(says))</title></rect>\n"
    }

    /// Names with their colours, from the left, in as many lines as they need. Returns where they end.
    mutating func legend(_ names: [String]) -> Double {
        var (x, y) = (16.0, 46.0)
        for (index, name) in names.enumerated() {
            let width = 17 + Self.width(name)
            if x > 16, x + width > Self.width - 16 { (x, y) = (16, y + 18) }
            bar(x: x, y: y - 11, width: 12, height: 12, colour: index, says: name)
            text(x + 17, y, name, anchor: "start")
            x += width + 18
        }
        return y + 6
    }

    /// About how wide a text is: the letters of the widest of the usual fonts have 8 on average.
    static func width(_ text: String) -> Double { Double(text.count) * 8 }

    /// At most one decimal, none where it is 0.
    static func number(_ value: Double) -> String {
        let text = RaceColumn.text(value, decimals: 1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}
