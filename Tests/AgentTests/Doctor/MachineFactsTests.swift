import Configuration
import Testing

@testable import Agent
@testable import Platform

struct MachineFactsTests {
    private let fargate = MachineFacts(
        limits: CgroupLimits(cpus: 0.25, memoryBytes: 512 << 20), onlineCores: 2,
        machineMemoryBytes: 8 << 30, openFileLimit: 65_536)

    private func lines(_ facts: MachineFacts, targets: Int? = 100) -> [DoctorLine] {
        facts.lines(targetCount: targets, destinations: [RemoteWriteConfiguration(url: "http://h/w")])
    }

    @Test func aSmallTaskIsEnough() {
        let found = lines(fargate)
        #expect(found.allSatisfy { $0.verdict == .ok })
        #expect(found[0].message == "512MB allowed by the cgroup, 8GB in the machine")
        #expect(found[1].message == "0.25 cores allowed by the cgroup, 2 in the machine; 1 worker thread")
        #expect(found[2].message.hasPrefix("65536 files and connections may be open; 100 targets and 1 dest"))
    }

    @Test func withoutACgroupTheMachineIsTheLimit() {
        let facts = MachineFacts(
            limits: CgroupLimits(cpus: nil, memoryBytes: nil), onlineCores: 4, machineMemoryBytes: 1 << 30,
            openFileLimit: 1_024)
        #expect(lines(facts)[0].message == "1GB in the machine")
        #expect(lines(facts)[1].message == "4 in the machine, and no quota; 4 worker threads")
    }

    @Test func tooLittleIsSaidWithWhatIsEnough() {
        let facts = MachineFacts(
            limits: CgroupLimits(cpus: 0.04, memoryBytes: (64 << 20) - 1), onlineCores: 1,
            machineMemoryBytes: nil, openFileLimit: 163)
        let found = lines(facts)
        #expect(found.allSatisfy { $0.verdict == .wrong })
        #expect(found[0].remedy == "allow at least 64MB")
        #expect(found[1].remedy == "allow at least 0.05 cores")
        #expect(found[2].remedy?.hasPrefix("raise the limit (ulimit -n") == true)
        #expect(lines(facts, targets: nil)[2].message.contains("targets that are not known"))
    }

    /// A destination has as many senders as requests may be in flight: `max_shards`.
    @Test func sendersAreCountedAsTheyAreMade() {
        var facts = fargate
        facts.openFileLimit = 64 + 100 + 50
        #expect(lines(facts)[2].verdict == .ok)
        facts.openFileLimit = 64 + 100 + 49
        #expect(lines(facts)[2].verdict == .wrong)
    }

    @Test func whatNobodyTellsIsSkipped() {
        let facts = MachineFacts(
            limits: CgroupLimits(cpus: nil, memoryBytes: nil), onlineCores: 1, machineMemoryBytes: nil,
            openFileLimit: nil)
        #expect(lines(facts).map(\.verdict) == [.skipped, .ok, .skipped])
    }

    @Test func meminfoIsRead() {
        #expect(MachineFacts.memTotal("MemTotal:        8039396 kB\nMemFree: 1 kB\n") == 8_039_396 << 10)
        #expect(MachineFacts.memTotal("MemFree: 1 kB\n") == nil)
        #expect(MachineFacts.memTotal("MemTotal: 18446744073709551615 kB\n") == nil)
        #expect(MachineFacts.current(files: POSIXFiles()).machineMemoryBytes ?? 0 > 0)
    }
}
