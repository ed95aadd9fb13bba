import Testing

@testable import narthex_bench

/// Boxes in a tree that behaves as the kernel's, of both versions.
struct CgroupTreeTests {
    private let limits = AgentBox.Limits(cpus: 0.25, memoryMiB: 512)

    @Test func versionOneIsLimitedAndCleanedUp() throws {
        let tree = try FakeCgroups(.one)
        defer { tree.remove() }
        let box = try AgentBox(limits, name: "race", tree: tree)
        #expect(tree.groups == ["cpu/race", "memory/race"])
        #expect(
            tree.writes == [
                "cpu/race/cpu.cfs_period_us=100000", "cpu/race/cpu.cfs_quota_us=25000",
                "memory/race/memory.limit_in_bytes=536870912",
                "memory/race/memory.memsw.limit_in_bytes=536870912",
            ])
        #expect(
            box.prefix.suffix(3) == [
                "\(tree.root)/cpu/race/cgroup.procs", "\(tree.root)/memory/race/cgroup.procs", "--",
            ])
        box.remove()
        #expect(tree.groups == [])
    }

    /// Controllers are handed on to the groups below before one is made, and only those that are needed.
    @Test(arguments: [
        ([], ["cgroup.subtree_control=+cpu", "cgroup.subtree_control=+memory"]),
        (["cpu"], ["cgroup.subtree_control=+memory"]), (["io", "memory", "cpu"], []),
    ])
    func versionTwoHandsControllersOn(handedOn: [String], expected: [String]) throws {
        let tree = try FakeCgroups(.two(controllers: ["cpuset", "cpu", "io", "memory"], handedOn: handedOn))
        defer { tree.remove() }
        let box = try AgentBox(limits, name: "race", tree: tree)
        #expect(
            tree.writes == expected + [
                "race/cpu.max=25000 100000", "race/memory.max=536870912", "race/memory.swap.max=0",
            ])
        #expect(box.prefix.suffix(2) == ["\(tree.root)/race/cgroup.procs", "--"])
        box.remove()
        #expect(tree.groups == [])
        #expect(tree.text("\(tree.root)/cgroup.subtree_control")?.contains("memory") == true)
    }

    @Test func versionTwoNeedsOnlyWhatIsLimited() throws {
        let tree = try FakeCgroups(.two(controllers: ["cpu"], handedOn: []))
        defer { tree.remove() }
        let box = try AgentBox(AgentBox.Limits(cpus: 1.5), name: "race", tree: tree)
        #expect(tree.writes == ["cgroup.subtree_control=+cpu", "race/cpu.max=150000 100000"])
        #expect(box.memoryKills == nil)
        box.remove()
    }

    @Test func swapIsLimitedWhereTheKernelCountsIt() throws {
        for version in [FakeCgroups.Version.one, .two(controllers: ["memory"], handedOn: [])] {
            let tree = try FakeCgroups(version, hasSwap: false)
            defer { tree.remove() }
            let box = try AgentBox(AgentBox.Limits(memoryMiB: 64), name: "race", tree: tree)
            #expect(tree.writes.last?.hasSuffix("=67108864") == true)
            #expect(!tree.writes.contains { $0.contains("sw") })
            box.remove()
        }
    }

    /// Whatever fails, the race hears of it, and no group stays.
    @Test func whatCannotBeLimitedIsSaidAndCleanedUp() throws {
        for (tree, words) in [
            (try FakeCgroups(.two(controllers: ["cpu"], handedOn: [])), "does not have memory"),
            (
                try FakeCgroups(.two(controllers: ["cpu", "memory"], handedOn: []), isBusy: true),
                "In a container"
            ),
        ] {
            defer { tree.remove() }
            let error = #expect(throws: BenchError.self) {
                try AgentBox(limits, name: "race", tree: tree)
            }
            #expect(error?.description.contains(words) == true)
            #expect(error?.description.contains("nothing was measured") == true)
            #expect(tree.groups == [])
        }
        // Another race has this name already: its group is none of ours.
        let tree = try FakeCgroups(.one)
        defer { tree.remove() }
        try tree.makeGroup("\(tree.root)/memory/race")
        #expect(throws: BenchError.self) { try AgentBox(limits, name: "race", tree: tree) }
        #expect(tree.groups == ["memory/race"])
    }

    @Test func anAgentIsInItsGroupsAndTheyHaveTheirLimits() throws {
        let tree = try FakeCgroups(.two(controllers: ["cpu", "memory"], handedOn: []))
        defer { tree.remove() }
        let box = try AgentBox(limits, name: "race", tree: tree)
        #expect(throws: BenchError.self) { try box.check(71) }
        try tree.put("race/cgroup.procs", "7\n71\n")
        try box.check(71)
        #expect(throws: BenchError.self) { try box.check(1) }
        try tree.put("race/cpu.max", "max 100000\n")
        #expect(throws: BenchError.self) { try box.check(71) }
        try tree.put("race/cgroup.procs", "")
        box.remove()
    }

    @Test(arguments: [
        ("low 0\nhigh 0\nmax 41\noom 2\noom_kill 2\noom_group_kill 0\n", 2),
        ("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n", 0), ("low 0\nmax 3\noom 1\n", nil),
    ])
    func versionTwoTellsOfKills(events: String, expected: Int?) throws {
        let tree = try FakeCgroups(.two(controllers: ["cpu", "memory"], handedOn: []))
        defer { tree.remove() }
        let box = try AgentBox(limits, name: "race", tree: tree)
        try tree.put("race/memory.events", events)
        #expect(box.memoryKills == expected)
        box.remove()
    }

    @Test(arguments: [
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3), ("oom_kill_disable 0\nunder_oom 0\n", nil),
    ])
    func versionOneTellsOfKills(control: String, expected: Int?) throws {
        let tree = try FakeCgroups(.one)
        defer { tree.remove() }
        let box = try AgentBox(limits, name: "race", tree: tree)
        try tree.put("memory/race/memory.oom_control", control)
        #expect(box.memoryKills == expected)
        box.remove()
    }

    /// Something that an agent has left behind keeps its group.
    @Test func whatIsLeftInAGroupIsEnded() throws {
        let tree = try FakeCgroups(.one)
        defer { tree.remove() }
        let box = try AgentBox(limits, name: "race", tree: tree)
        try tree.put("memory/race/cgroup.procs", "12345\n")
        box.remove()
        #expect(tree.killed == [12_345])
        #expect(tree.groups == [])
    }
}
