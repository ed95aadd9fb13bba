import MetricModel
import Testing

@testable import Scrape

/// A body and the samples it stands for.
struct AcceptedBody: CustomStringConvertible, Sendable {
    let description: String
    let body: String
    let lines: [String]

    init(_ description: String, _ body: String, _ lines: String...) {
        self.description = description
        self.body = body
        self.lines = lines
    }
}

/// A body and a part of the error it gives.
struct RefusedBody: CustomStringConvertible, Sendable {
    let description: String
    let body: String
    let line: Int
    let reason: String

    init(_ description: String, _ body: String, line: Int = 1, _ reason: String) {
        self.description = description
        self.body = body
        self.line = line
        self.reason = reason
    }
}

/// The table of accepted and rejected text, a row a test, to the rules of Prometheus' parser.
@Suite struct ExpositionParserTests {
    static let accepted: [AcceptedBody] = [
        .init("empty body", ""),
        .init("one sample", "a 1\n", "a 1.0"),
        .init("last line without newline", "a 1", "a 1.0"),
        .init(
            "spaces and tabs everywhere", " \ta \t{ x = \"1\" , y\t=\t\"2\" }\t 3 \t\n",
            "a{x=\"1\", y=\"2\"} 3.0"),
        .init("blank lines", "\n\n  \n\t\na 1\n\n", "a 1.0"),
        .init(
            "comments", "#\n# x\n#x y\n# HELPa b\n# TYPEa b\n#HELP\n#TYPE a nonsense\n# HELP\na 1\n",
            "a 1.0"),
        .init("EOF line is a comment", "a 1\n# EOF\nb 2\n", "a 1.0", "b 2.0"),
        .init("help without text", "# HELP a\na 1\n", "a 1.0"),
        .init("help with escapes and NUL", "# HELP a x\\\\y\\nz\u{0}\na 1\n", "a 1.0"),
        .init("help with carriage return", "# HELP a text\r\na 1\n", "a 1.0"),
        .init(
            "every type",
            "# TYPE a counter\n# TYPE b gauge\n# TYPE c histogram\n# TYPE d summary\n# TYPE e untyped\n"),
        .init("type with a tab", "#\tTYPE\ta\tcounter\na 1\n", "a 1.0"),
        .init(
            "quoted name in help and type", "# HELP \"a b\" t\n# TYPE \"a b\" gauge\n{\"a b\"} 1\n", "a b 1.0"
        ),
        .init(
            "type after samples, repeated", "a 1\n# TYPE a gauge\n# TYPE a counter\na_b 2\n", "a 1.0",
            "a_b 2.0"),
        .init("colons in names", ":a:b 1\n", ":a:b 1.0"),
        .init("no labels in braces", "a{} 1\n", "a 1.0"),
        .init("trailing comma", "a{x=\"1\",} 1\n", "a{x=\"1\"} 1.0"),
        .init("missing comma", "a{x=\"1\"y=\"2\" z=\"3\"} 1\n", "a{x=\"1\", y=\"2\", z=\"3\"} 1.0"),
        .init("labels are sorted", "a{y=\"2\",x=\"1\"} 1\n", "a{x=\"1\", y=\"2\"} 1.0"),
        .init("empty label value is no label", "a{x=\"\"} 1\n", "a 1.0"),
        .init("quoted UTF-8 name", "{\"a.b\",x=\"y\"} 1\n", "a.b{x=\"y\"} 1.0"),
        .init("quoted name alone", "{\"ä ö\"} 1\n", "ä ö 1.0"),
        .init("quoted name with trailing comma", "{\"a.b\",} 1\n", "a.b 1.0"),
        .init("quoted name after a label", "{x=\"y\",\"a.b\"} 1\n", "a.b{x=\"y\"} 1.0"),
        .init("quoted label name", "a{\"x.y\"=\"1\"} 1\n", "a{x.y=\"1\"} 1.0"),
        .init("escapes in values", "a{x=\"q\\\" b\\\\ n\\n t\\t\"} 1\n", "a{x=\"q\" b\\ n\n t\\t\"} 1.0"),
        .init("escapes in quoted names", "{\"a\\\"b\"} 1\n", "a\"b 1.0"),
        .init("NUL in a label value", "a{x=\"\u{0}b\"} 1\n", "a{x=\"\u{0}b\"} 1.0"),
        .init("newline in a label value", "a{x=\"1\n2\"} 1\nb 2\n", "a{x=\"1\n2\"} 1.0", "b 2.0"),
        .init("NUL at a line's start ends the body", "a 1\n\u{0}garbage {{{\n", "a 1.0"),
        .init("value without a blank after the brace", "a{x=\"1\"}1\n", "a{x=\"1\"} 1.0"),
        .init("sign without a blank after the name", "a-5\nb+.5\n", "a -5.0", "b 0.5"),
        .init(
            "values of any case", "a NaN\nb nan\nc +Inf\nd -INFINITY\n", "a nan", "b nan", "c inf", "d -inf"),
        .init("exponents", "a 1e3\nb 1.5E-3\n", "a 1000.0", "b 0.0015"),
        .init(
            "timestamps", "a 1 1700000000123\nb 2\t1699999999999 \n", "a 1.0 @1700000000123",
            "b 2.0 @1699999999999"),
        .init(
            "le becomes a float under histogram",
            "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na{quantile=\"1\"} 3\n",
            "a_bucket{le=\"1.0\"} 1.0", "a_bucket{le=\"+Inf\"} 2.0", "a{quantile=\"1\"} 3.0"),
        .init(
            "quantile becomes a float under summary",
            "# TYPE a summary\na{quantile=\"1\"} 1\na{quantile=\"x\"} 2\na{le=\"1\"} 3\n",
            "a{quantile=\"1.0\"} 1.0", "a{quantile=\"x\"} 2.0", "a{le=\"1\"} 3.0"),
        .init("le stays under other types", "# TYPE a gauge\na{le=\"1\"} 1\n", "a{le=\"1\"} 1.0"),
    ]

    @Test(arguments: accepted)
    func isAccepted(_ row: AcceptedBody) throws {
        let scrape = plainScrape()
        #expect(try scrape.consume(row.body, at: 1_700_000_000_000).lines() == row.lines)
        // The same again, by the template.
        let again = try scrape.consume(row.body, at: 1_700_000_015_000).lines()
        #expect(again.count == row.lines.count - row.lines.count { $0.contains("@") })
    }

    static let refused: [RefusedBody] = [
        .init("unknown type", "a 1\n# TYPE a unknown\n", line: 2, "\"unknown\" is no metric type"),
        .init("blank after the type", "# TYPE a counter \n", "\"counter \" is no metric type"),
        .init("two blanks before the type", "# TYPE a  counter\n", "\" counter\" is no metric type"),
        .init("type without a word", "# TYPE a\n", "\"\" is no metric type"),
        .init("carriage return after the type", "# TYPE a counter\r\n", "is no metric type"),
        .init("help without a name", "# HELP \n", "a metric name is expected"),
        .init("type with a bad name", "# TYPE 1a counter\n", "a metric name is expected"),
        .init("bare name in braces", "{a,x=\"1\"} 1\n", "= is expected after the label name"),
        .init("no name", "{x=\"1\"} 1\n", "the sample has no metric name"),
        .init("empty braces alone", "{} 1\n", "the sample has no metric name"),
        .init("empty quoted name", "{\"\"} 1\n", "the metric name is empty"),
        .init("empty quoted label name", "a{\"\"=\"x\"} 1\n", "a label name is empty"),
        .init("name before and in braces", "a{\"b\"} 1\n", "a second metric name"),
        .init("two quoted names", "{\"a\",\"b\"} 1\n", "a second metric name"),
        .init("leading comma", "a{,x=\"1\"} 1\n", "a label name or } is expected"),
        .init("doubled comma", "a{x=\"1\",,} 1\n", "a label name or } is expected"),
        .init("label without a value", "a{x} 1\n", "= is expected"),
        .init("label value without quotes", "a{x=1} 1\n", "a quoted label value is expected"),
        .init("open label value", "a{x=\"1} 1\n", "no closing quote"),
        .init("open braces", "a{x=\"1\"", "a label name or } is expected"),
        .init("colon in a label name", "a{x:y=\"1\"} 1\n", "= is expected"),
        .init("digit at a name's start", "1a 1\n", "a metric name or a comment is expected"),
        .init("repeated label", "a{x=\"1\",x=\"2\"} 1\n", "label name \"x\" is not unique"),
        .init("name as a label", "a{__name__=\"b\"} 1\n", "label name \"__name__\" is not unique"),
        .init("no value", "a\n", "a value is expected"),
        .init("no value at the end", "a", "a value is expected"),
        .init("two braces", "a{x=\"1\"}{y=\"2\"} 1\n", "a value is expected"),
        .init("word as value", "ok 1\na b\n", line: 2, "\"b\" is no value"),
        .init("hexadecimal value", "a 0x1p3\n", "is no value"),
        .init("underscore in a value", "a 1_000\n", "is no value"),
        .init("signed NaN", "a +NaN\n", "is no value"),
        .init("value out of range", "a 1e400\n", "is no value"),
        .init("NUL after a value", "a 1\u{0}\n", "is no value"),
        .init("brace after a value", "a 1{\n", "a timestamp or the end of the line"),
        .init("negative timestamp", "a 1 -5\n", "a timestamp or the end of the line"),
        .init("fraction in a timestamp", "a 1 5.5\n", "the end of the line is expected after the timestamp"),
        .init("timestamp too large", "a 1 9223372036854775808\n", "does not fit 64 bits"),
        .init("word after the timestamp", "a 1 5 x\n", "the end of the line is expected after the timestamp"),
        .init("comment after the value", "a 1 # x\n", "a timestamp or the end of the line"),
        .init("carriage return", "a 1\r\n", "is no value"),
        .init("carriage return alone", "\r\n", "a metric name or a comment is expected"),
        .init("HTML", "<!DOCTYPE html>\n", "a metric name or a comment is expected"),
        .init(
            "error behind comments", "# a\n\n# b\na 1\n\n?", line: 6, "a metric name or a comment is expected"
        ),
    ]

    @Test(arguments: refused)
    func isRefused(_ row: RefusedBody) throws {
        let scrape = plainScrape()
        let error = #expect(throws: ScrapeError.self) { try scrape.consume(row.body, at: 1) }
        #expect(error?.code == .exposition)
        #expect(error?.line == row.line)
        #expect(error?.message.contains(row.reason) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("help", "# HELP a \u{1}\n", "the help text is not UTF-8"),
        ("value", "a{x=\"\u{1}\"} 1\n", "is not UTF-8"),
        ("metric name", "{\"\u{1}\"} 1\n", "is not UTF-8"),
        ("label name", "a{\"\u{1}\"=\"1\"} 1\n", "is not UTF-8"),
    ])
    func invalidUTF8IsRefused(place: String, text: String, reason: String) {
        let bytes = Array(text.utf8).map { $0 == 1 ? 0xFF : $0 }
        for behind in ["", Self.behind] {
            let scrape = plainScrape()
            let body = bytes + Array(behind.utf8)
            let error = #expect(throws: ScrapeError.self) { try scrape.consume(body, at: 1) }
            #expect(error?.message.contains(reason) == true)
        }
    }

    /// Far from the body's end more bytes are looked at together: it must not matter.
    private static let behind = "# " + String(repeating: "x", count: 100) + "\n"

    @Test(arguments: accepted.filter { $0.body.hasSuffix("\n") })
    func isAcceptedFarFromTheEnd(_ row: AcceptedBody) throws {
        let frame = try plainScrape().consume(row.body + Self.behind, at: 1_700_000_000_000)
        #expect(frame.lines() == row.lines)
    }

    @Test(arguments: refused.filter { $0.body.hasSuffix("\n") })
    func isRefusedFarFromTheEnd(_ row: RefusedBody) throws {
        let error = #expect(throws: ScrapeError.self) {
            try plainScrape().consume(row.body + Self.behind, at: 1)
        }
        #expect(error?.line == row.line)
        #expect(error?.message.contains(row.reason) == true, "\(error?.message ?? "")")
    }

    /// Labels written plainly and with white space between are the same, whatever their values.
    @Test func valuesAreReadInAnySpacing() throws {
        var random = SeededGenerator(seed: printedSeed("valuesAreReadInAnySpacing"))
        let alphabet = ["a", "0", "_", ",", "}", "{", "=", " ", "ä", "\\\\", "\\\"", "\\n", "\n", "\u{0}"]
        for _ in 0..<2_000 {
            let labels = (0..<Int.random(in: 1...4, using: &random)).map { number in
                let length = Int.random(in: 0...20, using: &random)
                let value = (0..<length).map { _ in alphabet.randomElement(using: &random) ?? "a" }.joined()
                return ("label_\(number)", value)
            }
            let plain = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
            let spaced = labels.map { " \($0) = \"\($1)\" " }.joined(separator: ",")
            let read = try plainScrape().consume("m{\(plain)} 12.5\n" + Self.behind, at: 1).lines()
            #expect(try plainScrape().consume("m { \(spaced) } 12.5 \n", at: 1).lines() == read)
        }
    }

    @Test func shortTimestampsAreReadNear1970() throws {
        #expect(try plainScrape().consume("a 1 0\nb 2\t5 \n", at: 9).lines() == ["a 1.0 @0", "b 2.0 @5"])
    }

    @Test func aTargetCannotForgeAStaleMarker() throws {
        let frame = try plainScrape().consume("a NaN\n", at: 1)
        #expect(frame.values[0].bitPattern == StaleMarker.ordinaryNaNBits)
    }
}
