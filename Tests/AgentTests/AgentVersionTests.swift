import Testing

@testable import Agent

struct AgentVersionTests {
    @Test func theReportSaysAllThatIsKnown() {
        let lines = AgentVersion.report(commit: "0895d59", date: "2026-11-29").split(separator: "\n")
        #expect(lines[0] == "narthex \(AgentVersion.current)")
        #expect(lines[1] == "  commit:     0895d59")
        #expect(lines[2] == "  build date: 2026-11-29")
        #expect(lines[3].hasPrefix("  swift:      6."))
        #expect(lines[4].hasPrefix("  platform:   linux/"))
    }

    @Test func whatABuildByHandDoesNotSayIsUnknown() {
        let report = AgentVersion.report(commit: nil, date: nil)
        #expect(report.contains("commit:     unknown") && report.contains("build date: unknown"))
    }
}
