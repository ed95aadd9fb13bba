import Testing

@testable import Configuration

@Suite struct JobTemplateTests {
    private func rendered(_ text: String, isTemplate: Bool = true) throws(JobTemplate.Fault) -> String {
        try JobTemplate(environment: ["A": "x&y", "EMPTY": ""], isTemplate: isTemplate).rendered(text)
    }

    @Test(arguments: [
        ("a: {{ env_var('A') }}\n", "a: x&y\n"), ("{{env_var(\"A\")}}", "x&y"),
        ("{{ env_var('NONE', 'd') }}", "d"), ("{{ env_var('NONE', value='d') | safe }}", "d"),
        ("{{ env_var( 'EMPTY' , 'd' ) }}-{{ env_var('A') }}", "-x&y"), ("{a: {b: c}}", "{a: {b: c}}"),
        ("", ""), ("{", "{"), ("{{ 'd' | env_override('A') }}", "x&y"),
        ("{{ 'd' | env_override('NONE') }}", "d"), ("{{ fallback | env_override('A') }}", "x&y"),
        ("{{ env.A }}{{ env['A'] }}{{ env.get('NONE', 'd') }}", "x&yx&yd"),
    ])
    func variablesAreReplaced(text: String, expected: String) throws {
        #expect(try rendered(text) == expected)
        #expect(try rendered(text, isTemplate: false) == expected)
    }

    @Test(arguments: [
        "{{ from_ssm('a') }}", "{% if a %}", "{# a #}", "{{ env_var('A'", "{{ env_var('A') | b }}",
    ])
    func theRestOfJinjaIsAFaultInATemplateAndTextElsewhere(text: String) throws {
        #expect(throws: JobTemplate.Fault.self) { try rendered(text) }
        #expect(try rendered(text, isTemplate: false) == text)
    }

    @Test func aVariableThatIsNotSetIsNamedWithItsLine() {
        do throws(JobTemplate.Fault) {
            _ = try rendered("a\nb {{ env_var('A') }}\n{{ env_var('NONE') }}")
            Issue.record("no fault")
        } catch {
            #expect(error.line == 3)
            #expect(error.message.hasPrefix("the environment has no NONE; set it, or write "))
        }
    }

    /// Braces that are never closed, or far away only.
    @Test(.timeLimit(.minutes(1)), arguments: ["", "}}"])
    func manyBracesTakeNoLongerThanOthers(end: String) throws {
        let text = String(repeating: "{{", count: 50_000) + end
        var result = ""
        let elapsed = try ContinuousClock().measure { result = try rendered(text, isTemplate: false) }
        #expect(result == text && elapsed < .seconds(5))
    }

    /// What a variable holds is not read again.
    @Test func valuesAreNoTemplates() throws {
        let template = JobTemplate(environment: ["A": "{{ env_var('A') }}"], isTemplate: true)
        #expect(try template.rendered("{{ env_var('A') }}") == "{{ env_var('A') }}")
    }
}
