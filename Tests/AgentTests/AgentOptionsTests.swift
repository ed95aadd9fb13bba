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

    /// Zero is no ceiling, and the shares are of what the cgroup allows then.
    @Test(
        arguments: [
            (nil, nil, nil), (nil, 500, 500), (300, 500, 300), (300, nil, 300), (700, 500, 500),
            (0, 500, 500), (0, nil, nil),
        ] as [(UInt64?, UInt64?, UInt64?)])
    func sharesOfMemoryAreOfTheFlagOrTheCgroup(flag: UInt64?, cgroup: UInt64?, bytes: UInt64?) {
        var options = AgentOptions(configFile: "")
        options.memoryLimitBytes = flag
        #expect(options.memoryBytes(cgroupBytes: cgroup) == bytes)
    }
}
