import Testing

@testable import Platform

/// Files in memory: only reading whole files is played.
private struct FakeFiles: FileDoor {
    let texts: [String: String]

    private func absent(_ path: String) -> FileError {
        FileError(operation: "open", path: path, errno: 2, message: "no such file")
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        guard texts[path] != nil else { throw absent(path) }
        return OpenFile(descriptor: -1, path: path)
    }
    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64) throws(FileError)
        -> Int
    {
        let bytes = Array((texts[file.path] ?? "").utf8.dropFirst(Int(offset)).prefix(buffer.byteCount))
        for (index, byte) in bytes.enumerated() {
            buffer.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
        return bytes.count
    }
    func close(_ file: OpenFile) throws(FileError) {}
    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        throw absent(file.path)
    }
    func sync(_ file: OpenFile) throws(FileError) {}
    func syncDirectory(_ path: String) throws(FileError) {}
    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {}
    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {}
    func length(of file: OpenFile) throws(FileError) -> UInt64 { 0 }
    func rename(_ from: String, to: String) throws(FileError) {}
    func remove(_ path: String) throws(FileError) {}
    func list(_ directory: String) throws(FileError) -> [String] { [] }
    func makeDirectory(_ path: String) throws(FileError) {}
    func lock(_ file: OpenFile) throws(FileError) -> Bool { true }
    func freeBytes(_ directory: String) -> UInt64? { nil }
    func status(_ path: String) throws(FileError) -> FileStatus? { nil }
}

struct CgroupLimitsTests {
    private func limits(_ texts: [String: String]) -> CgroupLimits {
        .current(files: FakeFiles(texts: texts))
    }

    @Test func nothingThereIsNoLimit() {
        #expect(limits([:]) == CgroupLimits(cpus: nil, memoryBytes: nil))
    }

    @Test func readsVersionTwoAtTheRootOfAContainer() {
        let found = limits([
            "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "25000 100000\n",
            "/sys/fs/cgroup/memory.max": "536870912\n",
        ])
        #expect(found == CgroupLimits(cpus: 0.25, memoryBytes: 536_870_912))
    }

    @Test func theTightestLevelHolds() {
        let found = limits([
            "/proc/self/cgroup": "0::/ecs/task/container\n",
            "/sys/fs/cgroup/ecs/task/container/memory.max": "100\n",
            "/sys/fs/cgroup/ecs/task/container/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/ecs/task/cpu.max": "50000 100000\n",
            "/sys/fs/cgroup/ecs/task/memory.max": "200\n",
            "/sys/fs/cgroup/ecs/cpu.max": "200000 100000\n",
        ])
        #expect(found == CgroupLimits(cpus: 0.5, memoryBytes: 100))
    }

    @Test func memoryThatIsSlowedDownAtCountsAsMemoryThatIsKilledAt() {
        let found = limits([
            "/proc/self/cgroup": "0::/task/container\n",
            "/sys/fs/cgroup/task/container/memory.max": "300\n",
            "/sys/fs/cgroup/task/container/memory.high": "max\n",
            "/sys/fs/cgroup/task/memory.max": "max\n", "/sys/fs/cgroup/task/memory.high": "200\n",
        ])
        #expect(found.memoryBytes == 200)
    }

    @Test func readsVersionOne() {
        let found = limits([
            "/proc/self/cgroup": "12:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        ])
        #expect(found == CgroupLimits(cpus: 1.5, memoryBytes: nil))
    }

    @Test func versionOneWithoutAQuota() {
        let found = limits([
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ])
        #expect(found.cpus == nil)
    }

    @Test(
        arguments: [
            ("max 100000", nil), ("100000 100000\n", 1), ("", nil), ("1", nil), ("0 100000", nil),
            ("5 0", nil),
            ("-1 100000", nil), ("a b", nil), ("1 2 3", nil),
        ] as [(String, Double?)])
    func parsesCPUMax(text: String, cpus: Double?) {
        #expect(CgroupLimits.parseCPUMax(text) == cpus)
    }

    @Test(
        arguments: [("max\n", nil), ("1024\n", 1_024), ("", nil), ("-1", nil), ("18446744073709551616", nil)]
            as [(String, UInt64?)])
    func parsesMemory(text: String, bytes: UInt64?) {
        #expect(CgroupLimits.parseMemory(text) == bytes)
    }

    @Test(
        arguments: [
            (nil, 4, 4), (0.25, 4, 1), (1.5, 4, 2), (2, 4, 2), (64, 4, 4), (1e300, 2, 2), (nil, 0, 1),
            (0.5, 0, 1),
        ] as [(Double?, Int, Int)])
    func threadsFollowTheQuota(cpus: Double?, cores: Int, threads: Int) {
        #expect(CgroupLimits(cpus: cpus, memoryBytes: nil).workerThreads(onlineCores: cores) == threads)
    }

    @Test func foldersAreNearestFirst() {
        #expect(CgroupLimits.folders(of: "0::/a/b\n", root: "/r") == ["/r/a/b", "/r/a", "/r"])
        #expect(CgroupLimits.folders(of: "0::/\n", root: "/r") == ["/r"])
        #expect(CgroupLimits.folders(of: "", root: "/r") == ["/r"])
        #expect(CgroupLimits.folders(of: "1:name=x:/y\n0::/z", root: "/r") == ["/r/z", "/r"])
    }

    @Test func thisProcessHasACore() {
        #expect(CgroupLimits.onlineCores >= 1)
        #expect(
            CgroupLimits.current(files: POSIXFiles()).workerThreads(onlineCores: CgroupLimits.onlineCores)
                >= 1)
    }

    @Test func versionOneIsReadWhereTheProcessIs() {
        let found = limits([
            "/proc/self/cgroup": "9:name=systemd:/\n4:memory:/pods/a\n3:cpu,cpuacct:/pods/a\n0::/\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/pods/a/memory.limit_in_bytes": "536870912\n",
            "/sys/fs/cgroup/cpu/pods/cpu.cfs_quota_us": "50000\n",
            "/sys/fs/cgroup/cpu/pods/cpu.cfs_period_us": "100000\n",
        ])
        #expect(found == CgroupLimits(cpus: 0.5, memoryBytes: 536_870_912))
    }

    @Test func eachControllerMayBelongToAnotherVersion() {
        let found = limits([
            "/proc/self/cgroup": "4:memory:/a\n0::/b\n", "/sys/fs/cgroup/b/cpu.max": "25000 100000\n",
            "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "536870912\n",
        ])
        #expect(found == CgroupLimits(cpus: 0.25, memoryBytes: 536_870_912))
    }
}
