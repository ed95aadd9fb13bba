import Testing

@testable import Platform

struct MemoryCeilingTests {
    @Test(
        arguments: [
            (nil, nil, nil), (nil, 1_000, MemoryCeiling(bytes: 800, source: .cgroup)),
            (500, 1_000, MemoryCeiling(bytes: 500, source: .flag)),
            (500, nil, MemoryCeiling(bytes: 500, source: .flag)),
            // Above the cgroup's limit nothing is kept: the kernel would kill the process.
            (2_000, 1_000, MemoryCeiling(bytes: 1_000, source: .flag)),
            (2_000, 0, MemoryCeiling(bytes: 2_000, source: .flag)),
            // Zero is none, also where the cgroup has a limit.
            (0, 1_000, nil), (0, nil, nil), (nil, 0, nil),
        ] as [(UInt64?, UInt64?, MemoryCeiling?)])
    func isTheFlagsElseFourFifthsOfTheCgroups(flag: UInt64?, cgroup: UInt64?, ceiling: MemoryCeiling?) {
        #expect(MemoryCeiling(flagBytes: flag, cgroupBytes: cgroup) == ceiling)
    }

    @Test(
        arguments: [
            (500 << 20, 400 << 20), (60 << 20, 48 << 20), (56 << 20, 48 << 20), (50 << 20, 42 << 20),
            (40 << 20, 32 << 20), (1, 1), (.max, 14_757_395_258_967_641_292),
        ] as [(UInt64, UInt64)])
    func ofASmallCgroupItIsMoreThanFourFifths(cgroup: UInt64, ceiling: UInt64) {
        #expect(MemoryCeiling(flagBytes: nil, cgroupBytes: cgroup)?.bytes == ceiling)
    }

    @Test(
        arguments: [
            (nil, nil, nil), (nil, 60 << 20, nil), (nil, 55 << 20, "give it 60MB"), (nil, 1, "give it 60MB"),
            (0, 32 << 20, nil), (64 << 20, 32 << 20, "above what the cgroup allows"),
            (64 << 20, 64 << 20, nil), (64 << 20, nil, nil), (64 << 20, 0, nil),
        ] as [(UInt64?, UInt64?, String?)])
    func limitsThatDoNotFitAreSaid(flag: UInt64?, cgroup: UInt64?, part: String?) {
        let warning = MemoryCeiling.warning(flagBytes: flag, cgroupBytes: cgroup)
        #expect(part.map { warning?.contains($0) == true } ?? (warning == nil), "\(warning ?? "none")")
    }

    @Test(
        arguments: [
            (80, 0, 0), (80, 1, 0), (80, 99, 79), (95, 1_000, 950), (100, .max, .max),
            (80, .max, 14_757_395_258_967_641_292),
        ] as [(UInt64, UInt64, UInt64)])
    func aPartDoesNotOverflow(percent: UInt64, bytes: UInt64, part: UInt64) {
        #expect(MemoryCeiling.part(percent, of: bytes) == part)
    }
}
