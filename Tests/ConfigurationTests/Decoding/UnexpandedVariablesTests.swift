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
