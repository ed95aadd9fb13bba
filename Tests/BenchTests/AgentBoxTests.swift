import Testing

@testable import narthex_bench

struct AgentBoxTests {
    private let limits = AgentBox.Limits(cpus: 0.25, memoryMiB: 512)

    @Test func versionTwoHasOneGroup() {
        let groups = AgentBox.groups(limits, name: "n", isUnified: true)
        #expect(groups.map(\.folder) == ["/sys/fs/cgroup/n"])
        #expect(
            groups[0].values.map { "\($0.file)=\($0.text)" } == [
                "cpu.max=25000 100000", "memory.max=536870912", "memory.swap.max=0",
            ])
    }

    @Test func versionOneHasAGroupForEachLimit() {
        let groups = AgentBox.groups(limits, name: "n", isUnified: false)
        #expect(groups.map(\.folder) == ["/sys/fs/cgroup/cpu/n", "/sys/fs/cgroup/memory/n"])
        #expect(groups[0].values.map(\.text) == ["100000", "25000"])
        #expect(
            groups[1].values.map { "\($0.file)=\($0.text)" } == [
                "memory.limit_in_bytes=536870912", "memory.memsw.limit_in_bytes=536870912",
            ])
        let memory = AgentBox.groups(AgentBox.Limits(memoryMiB: 64), name: "n", isUnified: false)
        #expect(memory.map(\.folder) == ["/sys/fs/cgroup/memory/n"])
    }

    @Test func withoutLimitsThereIsNoGroup() throws {
        let box = try AgentBox(AgentBox.Limits(), name: "n")
        #expect(box.prefix.isEmpty)
        #expect(box.memoryKills == nil)
    }

    /// Measuring without the limits would be measuring something else.
    @Test func aGroupThatCannotBeMadeIsRefused() {
        #expect(throws: BenchError.self) { _ = try AgentBox(limits, name: "no/such/folder") }
    }
}
