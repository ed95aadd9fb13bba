import MetricModel
import Testing

@testable import Configuration

/// Each answer was compared with Prometheus 2.42's: `promtool check config` and `check service-discovery`.
@Suite struct JSONTargetGroupsTests {
    private func decode(_ text: String) throws(ConfigurationErrors) -> [StaticConfiguration] {
        try decode(Array(text.utf8))
    }

    private func decode(_ bytes: [UInt8]) throws(ConfigurationErrors) -> [StaticConfiguration] {
        try TargetGroupFile.decode(bytes, file: "sd", isJSON: true)
    }

    private static let taken: [(String, [String], String?)] = [
        (#"{"targets":["a:1"],"labels":{"x":"y","x":"z"}}"#, ["a:1"], "z"),
        (#"{"targets":["a:1"],"targets":["b:1"]}"#, ["b:1"], nil),
        (#"{"targets":["a:1"],"targets":null}"#, [], nil),
        (#"{"labels":{"x":"a"},"labels":{"x":"b"}}"#, [], "b"),
        (#"{"labels":{"x":"a"},"labels":{}}"#, [], nil),
        (#"{"Targets":["a:1"],"LABELS":{"x":"y"}}"#, ["a:1"], "y"),
        ("{\"target\u{17F}\":[\"a:1\"]}", ["a:1"], nil),
        (#"{"Targets":["a:1"],"targets":["b:1"]}"#, ["b:1"], nil),
        (#"{"targets":["a:1"],"labels":{"x":"\ud83d"}}"#, ["a:1"], "\u{FFFD}"),
        (#"{"targets":["a:1"],"labels":{"x":"\ude00\ud83d\ude00"}}"#, ["a:1"], "\u{FFFD}😀"),
        (#"{"targets":["a:1"],"labels":{"x":"a\u0000b"}}"#, ["a:1"], "a\0b"),
        ("{\"targets\":[\"a:1\"],\"labels\":{\"x\":\"a\u{7F}b\"}}", ["a:1"], "a\u{7F}b"),
        (#"{"targets":["a:1"],"labels":{"x":"null"}}"#, ["a:1"], "null"),
        (#"{"targets":["a:1"],"labels":{"x":null}}"#, ["a:1"], nil),
        // Such a target is left out later; the others are taken.
        (#"{"targets":["a:1",null]}"#, ["a:1", ""], nil),
        (#"{"targets":null,"labels":null}"#, [], nil), ("{}", [], nil),
    ]

    @Test(arguments: taken)
    func whatPrometheusTakesIsTaken(group: String, targets: [String], x: String?) throws {
        let groups = try decode(" [\(group)]\n\t")
        #expect(groups.map(\.targets) == [targets])
        #expect(groups.first?.labels["x"] == x)
    }

    @Test func bytesThatAreNotUTF8AreReplaced() throws {
        let text = Array(#"[{"targets":["a:1"],"labels":{"x":"!"}}]"#.utf8)
        let groups = try decode(text.flatMap { $0 == UInt8(ascii: "!") ? [0xFF, 0xC0, 0x79] : [$0] })
        #expect(groups.first?.labels["x"] == "\u{FFFD}\u{FFFD}y")
    }

    private static let refused: [(String, String)] = [
        ("", "1:1: no JSON list of target groups: it is empty"),
        (" \n\t", "2:2: no JSON list of target groups: it is empty"),
        ("{\"targets\":[\"a:1\"]}", "1:1: no JSON list of target groups: it does not begin with ["),
        ("\n <html>", "2:2: no JSON list of target groups: it does not begin with ["),
        ("\u{FEFF}[]", "1:1: no JSON list of target groups: it begins with a byte order mark"),
        ("\u{B}[]", "1:1: no JSON list of target groups: it does not begin with ["),
        ("nullx", "1:5: the text goes on after its value"),
        ("[{}] x", "1:6: the text goes on after its value"),
        ("[{}]\0", "1:5: the text goes on after its value"),
        ("[\n # a\n]", "2:2: no JSON value begins with this character"),
        ("[{\n 'targets':[]}]", "2:2: an object's key in double quotes must stand here"),
        ("[{targets: [a]}]", "1:3: an object's key in double quotes must stand here"),
        ("[{\"targets\":[\"a:1\",]}]", "1:20: no JSON value begins with this character"),
        ("[{\"targets\":[\"a:1\"]}", "1:21: a comma or the array's ] must stand here"),
        ("[{\"labels\":{\"x\":\"a\tb\"}}]", "1:19: a control character in a string must be escaped"),
        ("[{\"labels\":{\"x\":\"\\q\"}}]", "1:18: JSON has no such escape"),
        ("[\n{},\nnull]", "3:1: an empty target group; it needs targets"),
        ("[7]", "1:2: static_configs takes a mapping (targets, labels, …), but this is a number"),
        ("[{\"é\":1}]", "1:3: unknown key \"é\" in static_configs"),
        ("[{},\n{\"target\":[]}]", "2:2: unknown key \"target\" in static_configs; did you mean targets?"),
        ("[{\"targets\":\"a:1\"}]", "1:13: targets must be a list of host:port, but this is a string"),
        ("[{\"targets\":[\"é\",1]}]", "1:18: this must be a string in double quotes, but it is a number"),
        ("[{\"targets\":[[\"a\"]]}]", "1:14: an item of targets must be a string, but this is a list"),
        ("[{\"labels\":[]}]", "1:12: labels must be a mapping of label names and values, but this is a list"),
        (
            "[{\"labels\":{\"x\":true}}]",
            "1:17: this must be a string in double quotes, but it is a truth value"
        ),
        ("[{\"labels\":{\"x\":1,\"x\":\"y\"}}]", "1:17: this must be a string in double quotes"),
        ("[{\"labels\":{\"x\":{}}}]", "1:17: the label x must be a string, but this is a mapping"),
        ("[{\"labels\":{\"\":\"y\"}}]", "1:13: a label in labels has an empty name"),
    ]

    @Test(arguments: refused)
    func whatPrometheusRefusesIsRefusedWithItsPlace(text: String, message: String) {
        let error = #expect(throws: ConfigurationErrors.self) { try decode(text) }
        #expect(error?.description.hasPrefix("sd:\(message)") == true, "\(error?.description ?? "")")
    }

    /// The table in docs/configuration.md.
    @Test func whereItIsStricterThanPrometheus() throws {
        let list = "[\(String(repeating: "null,", count: 999_999))null]"
        let many = #expect(throws: ConfigurationErrors.self) { try decode(list) }
        #expect(many?.errors.first?.message == "more than 1000000 values")

        let large = "[" + String(repeating: " ", count: 16 << 20) + "]"
        let size = #expect(throws: ConfigurationErrors.self) { try decode(large) }
        #expect(size?.description == "sd:1:1: the file has 16777218 bytes; at most 16777216 are read")

        func labels(_ count: Int) -> String {
            "[{\"labels\":{\((0..<count).map { "\"a\($0)\":\"\"" }.joined(separator: ","))}}]"
        }
        #expect(try decode(labels(1_000)).count == 1)
        let labelled = #expect(throws: ConfigurationErrors.self) { try decode(labels(1_001)) }
        #expect(labelled?.description == "sd:1:12: labels holds 1001 labels; at most 1000 are taken")

        // Prometheus has three characters here.
        let cut = Array("[{\"labels\":{\"x\":\"".utf8) + [0xF0, 0x9F, 0x98] + Array("\"}}]".utf8)
        #expect(try decode(cut).first?.labels["x"] == "\u{FFFD}")
    }

    @Test func errorsEndWithAHundred() {
        let text = "[" + String(repeating: "{\"x\":1},\n", count: 5_000) + "{}]"
        let error = #expect(throws: ConfigurationErrors.self) { try decode(text) }
        #expect(error?.errors.count == 101)
        #expect(error?.errors.dropLast().last?.line == 100)
    }

    @Test func fiftyThousandTargetsAreRead() throws {
        let text = (0..<50_000).map {
            "{\"targets\":[\"10.0.\($0 / 256).\($0 % 256):9100\"],\"labels\":{\"job\":\"a\",\"n\":\"\($0)\"}}"
        }
        let groups = try decode("[\(text.joined(separator: ",\n"))]")
        #expect(groups.count == 50_000 && groups.last?.labels["n"] == "49999")
    }
}
