import Testing

@testable import Agent

struct DoctorReportTests {
    private let well = DoctorLine.ok("clock", "agrees")
    private let ill = DoctorLine.wrong("write", of: "amp", "status 404\u{1b}[2J", remedy: "look at the url")

    @Test func eachLineSaysWhatIsWrongAndWhatToDo() {
        let report = DoctorReport(
            lines: [well, ill, .skipped("ecs", of: "shop", "no credentials")], isConfigured: true)
        #expect(
            report.text == """
                ok       clock: agrees
                wrong    write amp: status 404\\u{1b}[2J; look at the url
                skipped  ecs shop: no credentials
                1 ok, 1 wrong, 1 skipped

                """)
    }

    @Test func programsGetTheSame() {
        let report = DoctorReport(lines: [well, ill], isConfigured: true)
        #expect(
            report.json == """
                {
                  "ok": false,
                  "version": "\(AgentVersion.current)",
                  "lines": [
                    {"check": "clock", "verdict": "ok", "message": "agrees"},
                    {"check": "write", "subject": "amp", "verdict": "wrong", \
                "message": "status 404\\\\u{1b}[2J", "remedy": "look at the url"}
                  ]
                }

                """)
    }

    @Test func theStatusTellsWhatIsWorst() {
        #expect(DoctorReport(lines: [well], isConfigured: true).failure == nil)
        #expect(DoctorReport(lines: [.skipped("a", "b")], isConfigured: true).failure == nil)
        #expect(DoctorReport(lines: [well, ill], isConfigured: true).failure == .refused)
        #expect(DoctorReport(lines: [well, ill], isConfigured: false).failure == .configuration)
    }
}
