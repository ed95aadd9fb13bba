import Platform
import Testing

@testable import Agent

struct AgentOptionsTests {
    /// Whoever raises the version is reminded here of the date by which wrong clocks are told: set
    /// `SourceDate.ms` to the first day of the month of the release, and both values below.
    @Test func theVersionAndItsDateAreSetTogether() {
        #expect(AgentVersion.current == "0.1.0")
        #expect(SourceDate.ms == Timestamp.ms(year: 2026, month: 11, day: 1))
    }
}
