import Testing

@testable import Configuration

struct UnexpandedVariablesTests {
    @Test(arguments: [
        ("${PW}", "PW"), ("a ${A_1:-x} b", "A_1"), ("$${PW}", "PW"), ("${1} ${B}", "B"),
        ("$PW", nil), ("${pw}", nil), ("${PW", nil), ("${}", nil), ("${1A}", nil), ("", nil), ("$", nil),
    ])
    func variablesAreWrittenInCapitalsAndBraces(text: String, name: String?) {
        #expect(UnexpandedVariables.name(in: text) == name)
    }

    @Test(arguments: [
        ("%{PW}", "%{", "PW"), ("a%%{A_1} b", "%{", "A_1"), ("%{pw}", "%{", nil), ("${PW}", "%{", nil),
        ("${env:PW}", "${env:", "PW"), ("${e${env:A:-x}", "${env:", "A"), ("${env:a}", "${env:", nil),
        ("${env:", "${env:", nil), ("%", "%{", nil), ("100%", "%{", nil),
    ])
    func otherOpeningsAreFoundAsWell(text: String, opening: String, name: String?) {
        #expect(UnexpandedVariables.name(in: text, after: opening) == name)
    }

    /// vmagent's and the OpenTelemetry collector's variables are nobody's here: a password would be sent so.
    @Test func variablesOfOtherAgentsAreToldOf() throws {
        let text = """
            global: {external_labels: {a: "%{L}", b: "${PW}", c: "\(Self.collectors)"}}
            remote_write:
              - url: http://h/w
                basic_auth: {username: "%{U}", password: "hush%{PW}"}
                headers: {a: "\(Self.collectors)"}
            """
        func warnings(_ text: String, expands: Bool) throws -> [String] {
            try Configuration.load(
                text: Array(text.utf8), file: "a.yml", environment: ["PW": "x"], expandsEnvironment: expands
            ).warnings.map(\.description)
        }
        let said = "stands as it is here: write"
        #expect(
            try warnings(text, expands: false) == [
                "a.yml:1:31: %{L} \(said) ${L}",
                "a.yml:1:54: ${env:A} is empty here: write ${A}",
                "a.yml:4:28: %{U} \(said) ${U}, with --config.expand-env",
                "a.yml:4:46: %{PW} \(said) ${PW}, with --config.expand-env",
                "a.yml:5:18: ${env:A} \(said) ${A}, with --config.expand-env",
                "a.yml:1:54: the environment has no env:A; it counts as empty in c",
            ])
        // Where everything is replaced, what begins so and is no name is an error by itself.
        let replaced = text.split(separator: "\n").dropLast().joined(separator: "\n")
            .replacing(Self.collectors, with: "${PW}")
        #expect(try warnings(replaced, expands: true).count == 3)
    }

    private static let collectors = "${env:A}"

    /// A password that is sent as `${PW}` would be refused without a word on why.
    @Test func whatIsNotReplacedIsToldOf() throws {
        let rule = #"{source_labels: [a], regex: "(?P<X>.*)", target_label: b, replacement: "${X}"}"#
        let text = """
            global: {external_labels: {a: "${A}"}}
            remote_write:
              - url: http://h/w
                basic_auth: {username: u, password: "hush${PW}"}
                write_relabel_configs: [\(rule)]
            """
        func warnings(_ expands: Bool) throws -> [String] {
            try Configuration.load(
                text: Array(text.utf8), file: "a.yml", environment: ["PW": "x", "A": "b", "X": "y"],
                expandsEnvironment: expands
            ).warnings.map(\.description)
        }
        let told = try warnings(false)
        #expect(
            told.count == 1 && told.first?.hasPrefix("a.yml:4:41: ${PW} stands as it is") == true, "\(told)")
        #expect(!told.joined().contains("hush"))
        #expect(try !warnings(true).joined().contains("stands as it is"))
    }
}
