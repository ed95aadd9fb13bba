import MetricModel
import Testing

@testable import Configuration

@Suite struct TargetGroupFileTests {
    private func decode(_ text: String, json: Bool = false) throws -> [StaticConfiguration] {
        try TargetGroupFile.decode(Array(text.utf8), file: "sd", isJSON: json)
    }

    private let expected = [
        StaticConfiguration(targets: ["a:9100", "b:9100"], labels: LabelSet([Label("env", "p r\tod")])),
        StaticConfiguration(targets: []),
    ]

    @Test func yamlAndJSONGiveTheSame() throws {
        let yaml = "- targets: [a:9100, 'b:9100']\n  labels:\n    env: \"p r\\tod\"\n- targets: []\n"
        let json =
            #"[{"targets":["a:9100","b:9100"],"labels":{"env":"p r\tod"}},{"targets":[],"labels":null}]"#
        let indented =
            "[\n\t{\n\t\t\"labels\": {\"env\": \"p r\\tod\"},\n"
            + "\t\t\"targets\": [\n\"a:9100\",\n\"b:9100\"]\n\t},{}\n]\r\n"
        #expect(try decode(yaml) == expected)
        #expect(try decode(json, json: true) == expected)
        #expect(try decode(indented, json: true) == expected)
    }

    @Test func jsonEscapesAreRead() throws {
        let json = #"[{"targets":[],"labels":{"a":"\ud83d\ude00\\ud83d\/\u00e9\"","b":"\\"}}]"#
        #expect(try decode(json, json: true)[0].labels["a"] == "😀\\ud83d/é\"")
        #expect(try decode(json, json: true)[0].labels["b"] == "\\")
        for tail in ["\\", "\\u", "\\ud83d", "\\ud83d\\", "\\ud83d\\ude"] {
            #expect(throws: ConfigurationErrors.self) { try decode("[\"" + tail, json: true) }
        }
    }

    @Test(arguments: ["", "# nothing\n", "[]", "null"])
    func nothingIsNoGroups(text: String) throws {
        #expect(try decode(text).isEmpty)
    }

    @Test func badAddressesAreLeftToTheTargets() throws {
        #expect(try decode("- targets: ['http://x/y']")[0].targets == ["http://x/y"])
    }

    @Test(arguments: [
        (
            "targets: [a]",
            "1:1: a target file is a list of groups with targets and labels, but this is a mapping"
        ),
        ("- target: [a]", "1:3: unknown key \"target\" in static_configs; did you mean targets?"),
        ("- targets: [a]\n- \n", "2:2: an empty target group"),
        ("[{\"targets\":[\"a\"]", "2:1: while parsing a flow mapping begun in line 1: did not find"),
        ("- labels: {a: {b: c}}", "1:15: the label a must be a string"),
    ])
    func faultsHaveAPlace(text: String, message: String) {
        let error = #expect(throws: ConfigurationErrors.self) { try decode(text) }
        #expect(error?.description.hasPrefix("sd:\(message)") == true, "\(error?.description ?? "")")
    }

    @Test func fiftyThousandTargetsAreRead() throws {
        let text = (0..<50_000).map {
            "- targets: ['10.0.\($0 / 256).\($0 % 256):9100']\n  labels: {job: a, n: '\($0)'}\n"
        }
        #expect(try decode(text.joined()).count == 50_000)
    }
}
