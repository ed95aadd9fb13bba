import Testing

@testable import Platform

struct MemoryCeilingTests {
    @Test(
        arguments: [
            (nil, nil, nil), (nil, 1_000, MemoryCeiling(bytes: 800, source: .cgroup)),
            (500, 1_000, MemoryCeiling(bytes: 500, source: .flag)),
            (500, nil, MemoryCeiling(bytes: 500, source: .flag)),
            // A limit above the cgroup's is what somebody asked for.
            (2_000, 1_000, MemoryCeiling(bytes: 2_000, source: .flag)),
            // Zero is none, also where the cgroup has a limit.
            (0, 1_000, nil), (0, nil, nil), (nil, 0, nil),
        ] as [(UInt64?, UInt64?, MemoryCeiling?)])
    func isTheFlagsElseFourFifthsOfTheCgroups(flag: UInt64?, cgroup: UInt64?, ceiling: MemoryCeiling?) {
        #expect(MemoryCeiling(flagBytes: flag, cgroupBytes: cgroup) == ceiling)
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
