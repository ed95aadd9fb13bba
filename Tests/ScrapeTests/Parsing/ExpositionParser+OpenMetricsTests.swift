import MetricModel
import Testing

@testable import Scrape

/// OpenMetrics, a row a test, to the rules of Prometheus' parser (openmetricsparse.go and its lexer). `# EOF`
/// is put at the end of each body but those that have one.
@Suite struct ExpositionParserOpenMetricsTests {
    static let accepted: [AcceptedBody] = [
        .init("nothing but EOF", "# EOF"),
        .init("EOF with a newline", "# EOF\n"),
        .init("one sample", "a 1\n", "a 1.0"),
        .init("labels", "a{x=\"1\",y=\"2\"} 3\n", "a{x=\"1\", y=\"2\"} 3.0"),
        .init("no labels in braces", "a{} 1\n", "a 1.0"),
        .init("trailing comma", "a{x=\"1\",} 1\n", "a{x=\"1\"} 1.0"),
        .init("quoted UTF-8 name", "{\"a.b\",x=\"y\"} 1\n", "a.b{x=\"y\"} 1.0"),
        .init("quoted name after a label", "{x=\"y\",\"a.b\",} 1\n", "a.b{x=\"y\"} 1.0"),
        .init("quoted label name", "a{\"x.y\"=\"1\"} 1\n", "a{x.y=\"1\"} 1.0"),
        .init("newline in a quoted name", "{\"a\nb\"} 1\n", "a\nb 1.0"),
        .init("escapes", "a{x=\"q\\\" b\\\\ n\\n t\\t\"} 1\n", "a{x=\"q\" b\\ n\n t\\t\"} 1.0"),
        .init("NUL in a label value", "a{x=\"\u{0}b\"} 1\n", "a{x=\"\u{0}b\"} 1.0"),
        .init("NUL in a help text", "# HELP a \u{0}x\na 1\n", "a 1.0"),
        .init(
            "every type",
            "# TYPE a counter\n# TYPE b gauge\n# TYPE c histogram\n# TYPE d gaugehistogram\n"
                + "# TYPE e summary\n# TYPE f info\n# TYPE g stateset\n# TYPE h unknown\n"),
        .init("empty help and unit", "# HELP a \n# UNIT a \n"),
        .init(
            "unit", "# UNIT a_seconds seconds\n# UNIT \"a.b_by.tes\" by.tes\na_seconds 1\n", "a_seconds 1.0"),
        .init("quoted family", "# TYPE \"a b\" gauge\n{\"a b\"} 1\n", "a b 1.0"),
        .init(
            "values", "a NaN\nb +Inf\nc -inf\nd 1e3\ne -0.5\nf 001\n",
            "a nan", "b inf", "c -inf", "d 1000.0", "e -0.5", "f 1.0"),
        .init(
            "timestamps in seconds, cut off", "a 1 1700000000.1239\nb 2 1.699999e9\n",
            "a 1.0 @1700000000123", "b 2.0 @1699999000000"),
        .init(
            "exemplars",
            "a 1 # {} 2\nb 1 1699999999 # {x=\"y\",} 2 3.5\nc 1 # {\"x.y\"=\"z # {\"} -Inf 1e3\n",
            "a 1.0", "b 1.0 @1699999999000", "c 1.0"),
        .init("an exemplar on a gauge", "# TYPE a gauge\na 1 # {x=\"y\"} 1\n", "a 1.0"),
        .init(
            "le becomes a float under histogram only",
            "# TYPE a histogram\na_bucket{le=\"1\"} 1\n# TYPE b gaugehistogram\nb_bucket{le=\"1\"} 2\n",
            "a_bucket{le=\"1.0\"} 1.0", "b_bucket{le=\"1\"} 2.0"),
        .init("created series are series", "a_total 1\na_created 5.5\n", "a_total 1.0", "a_created 5.5"),
        .init(
            "families in any order", "a_total 1\nb 2\na_total{x=\"1\"} 3\n",
            "a_total 1.0", "b 2.0", "a_total{x=\"1\"} 3.0"),
    ]

    private static func body(_ text: String) -> String {
        text.contains("# EOF") ? text : text + "# EOF\n"
    }

    @Test func timestampsAroundZeroAreCutTowardsIt() throws {
        let frame = try plainScrape().consume("c 3 -1.9999\nd 4 0\n# EOF\n", isOpenMetrics: true, at: 1_000)
        #expect(frame.lines() == ["c 3.0 @-1999", "d 4.0 @0"])
    }

    @Test(arguments: accepted)
    func isAccepted(_ row: AcceptedBody) throws {
        let scrape = plainScrape()
        let text = Self.body(row.body)
        #expect(try scrape.consume(text, isOpenMetrics: true, at: 1_700_000_000_000).lines() == row.lines)
        // The same again, by the template.
        let parsed = scrape.parsedLines
        let again = try scrape.consume(text, isOpenMetrics: true, at: 1_700_000_015_000).lines()
        #expect(again.count == row.lines.count - row.lines.count { $0.contains("@") })
        #expect(scrape.parsedLines == parsed)
    }

    static let refused: [RefusedBody] = [
        .init("no EOF", "a 1\n#EOF\n# EOF", line: 2, "a space is expected after #"),
        .init("text behind EOF", "# EOF\na 1\n", line: 2, "nothing may follow # EOF"),
        .init("blank line behind EOF", "# EOF\n\n", line: 2, "nothing may follow # EOF"),
        .init("EOF with a letter", "# EOFx\n", "nothing may follow # EOF"),
        .init("EOF twice", "# EOF\n# EOF\n", line: 2, "nothing may follow # EOF"),
        .init("blank line", "\na 1\n", "a metric, # HELP"),
        .init("blank at a line's start", " a 1\n", "a metric, # HELP"),
        .init("comment", "# x\n", "# HELP, # TYPE, # UNIT or # EOF is expected"),
        .init("comment without a blank", "#x\n", "a space is expected after #"),
        .init("two blanks in a comment", "#  HELP a b\n", "# HELP, # TYPE"),
        .init("help without a text", "# HELP a\n", "a space is expected after the metric name"),
        .init("type of the text format", "# TYPE a untyped\n", "\"untyped\" is no metric type"),
        .init("blank after the type", "# TYPE a counter \n", "\"counter \" is no metric type"),
        .init("two blanks before the type", "# TYPE a  counter\n", "\" counter\" is no metric type"),
        .init("carriage return after the type", "# TYPE a counter\r\n", "is no metric type"),
        .init("digit at a family's start", "# TYPE 1a counter\n", "a metric name is expected"),
        .init("unit that is no suffix", "# UNIT a seconds\n", "is no suffix of the metric"),
        .init("unit without an underscore", "# UNIT aseconds seconds\n", "is no suffix of the metric"),
        .init("unit as the whole name", "# UNIT seconds seconds\n", "is no suffix of the metric"),
        .init("no name", "{x=\"1\"} 1\n", "the sample has no metric name"),
        .init("empty quoted name", "{\"\"} 1\n", "the metric name is empty"),
        .init("two names", "a{\"b\"} 1\n", "a second metric name"),
        .init("blank in braces", "a{ x=\"1\"} 1\n", "a label name or } is expected"),
        .init("blank around =", "a{x =\"1\"} 1\n", "= is expected after the label name"),
        .init("blank before braces", "a {x=\"1\"} 1\n", "is no number"),
        .init("missing comma", "a{x=\"1\"y=\"2\"} 1\n", ", or } is expected after a label"),
        .init("leading comma", "a{,x=\"1\"} 1\n", "a label name or } is expected"),
        .init("doubled comma", "a{x=\"1\",,} 1\n", "a label name or } is expected"),
        .init("colon in a label name", "a{x:y=\"1\"} 1\n", "= is expected"),
        .init("newline in a label value", "a{x=\"1\n\"} 1\n", "no closing quote"),
        .init("NUL in a quoted name", "{\"a\u{0}\"} 1\n", "no closing quote"),
        .init("repeated label", "a{x=\"1\",x=\"2\"} 1\n", "label name \"x\" is not unique"),
        .init("no value", "a\n", "a value is expected"),
        .init("no blank before the value", "a{}1\n", "a value is expected"),
        .init("two blanks before the value", "a  1\n", "a value is expected"),
        .init("tab before the value", "a\t1\n", "a value is expected"),
        .init("blank at the end", "a 1 \n", "is expected, found"),
        .init("hexadecimal value", "a 0x1p3\n", "is no number"),
        .init("underscore in a value", "a 1_000\n", "is no number"),
        .init("carriage return", "a 1\r\n", "is no number"),
        .init("NaN as a timestamp", "a 1 NaN\n", "is no timestamp"),
        .init("Inf as a timestamp", "a 1 +Inf\n", "is no timestamp"),
        .init("word as a timestamp", "a 1 x\n", "is no number"),
        .init("two timestamps", "a 1 2 3\n", "a timestamp, an exemplar or the end of the line"),
        .init("exemplar without labels", "a 1 # 2\n", "is no number"),
        .init("exemplar without a value", "a 1 # {x=\"y\"}\n", "a value is expected after the exemplar"),
        .init("exemplar with a name", "a 1 # {\"x\"} 1\n", "= is expected after an exemplar's label name"),
        .init("exemplar with Inf as a timestamp", "a 1 # {} 1 Inf\n", "is no timestamp"),
        .init("exemplar with two timestamps", "a 1 # {} 1 2 3\n", "or the end of the line is expected"),
        .init("two exemplars", "a 1 # {} 1 # {} 2\n", "is no number"),
        .init("exemplar behind three blanks", "a 1  # {} 1\n", "is expected"),
        .init("last line without newline", "# EOF\na 1", line: 2, "nothing may follow # EOF"),
    ]

    @Test(arguments: refused)
    func isRefused(_ row: RefusedBody) throws {
        let scrape = plainScrape()
        let error = #expect(throws: ScrapeError.self) {
            try scrape.consume(Self.body(row.body), isOpenMetrics: true, at: 1)
        }
        #expect(error?.code == .exposition)
        #expect(error?.line == row.line)
        #expect(error?.message.contains(row.reason) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        "", "a", "a ", "a 1", "a 1\n", "a 1 5", "a 1 # {", "a 1 # {} 1", "a{x=\"1\"", "# HELP a",
        "# HELP a x",
        "# TYPE a gauge\n", "# UNIT", "#", "# ", "a 1\n# EO",
    ])
    func aBodyThatBreaksOffIsRefused(text: String) {
        let scrape = plainScrape()
        #expect(throws: ScrapeError.self) { try scrape.consume(text, isOpenMetrics: true, at: 1) }
    }

    @Test func theFormatsDoNotKnowEachOthersLines() throws {
        let scrape = plainScrape()
        let text = "# just a comment\na 1\n# EOF\n"
        _ = try scrape.consume(text, at: 1)
        #expect(throws: ScrapeError.self) { try scrape.consume(text, isOpenMetrics: true, at: 2) }
        let other = "a 1\n# EOF\n"
        _ = try scrape.consume(other, isOpenMetrics: true, at: 3)
        #expect(try scrape.consume(other + "a2 1\n", at: 4).lines() == ["a 1.0", "a2 1.0"])
    }

    @Test func aLineWhoseExemplarMovesIsKnown() throws {
        let scrape = plainScrape(keepsExemplars: true)
        func text(_ round: Int) -> String {
            "# TYPE a histogram\n"
                + (0..<300).map {
                    "a_bucket{x=\"\($0)\"} \(round) # {id=\"\(round)\"} 0.\(round) \(round).5\n"
                }
                .joined() + "# EOF\n"
        }
        _ = try scrape.consume(text(1), isOpenMetrics: true, at: 1)
        #expect(scrape.parsedLines == 300)
        let frame = try scrape.consume(text(2), isOpenMetrics: true, at: 2)
        #expect(scrape.parsedLines == 300)
        #expect(frame.exemplars.count == 300)
        #expect(
            frame.exemplars[7]
                == Frame.SeriesExemplar(
                    series: 7,
                    exemplar: Exemplar(labels: LabelSet([Label("id", "2")]), value: 0.2, timestampMs: 2_500)))
        #expect(try scrape.consume(text(2), isOpenMetrics: true, at: 3).exemplars.isEmpty)
    }
}
