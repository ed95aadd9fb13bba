import AWS
import Platform
import TestSupport
import Testing

@testable import Discovery

@Suite(.timeLimit(.minutes(1)))
struct EC2InventoryTests {
    private let ec2 = FakeEC2()
    private let clock = ManualClock()
    private let freshNs: UInt64 = 15_000_000_000

    private func inventory() -> EC2Inventory { EC2Inventory(region: "r", api: ec2, clock: clock) }

    private func read(
        _ inventory: EC2Inventory, _ filters: [EC2Filter] = []
    ) async throws -> EC2Inventory.Reading {
        try await inventory.read(filters, freshNs: freshNs).get()
    }

    @Test func jobsThatAskAlikeAtTheSameTimeShareOneReading() async throws {
        ec2.set {
            $0.instances = .success([ec2Instance(1)])
            $0.zones = .success(["a": "z1"])
            $0.hanging = ["instances"]
        }
        let inventory = inventory()
        for _ in 0..<3 { await inventory.join([]) }
        let readings = (0..<3).map { _ in
            Task { try await inventory.read([], freshNs: freshNs).get() }
        }
        while ec2.calls.isEmpty { await Task.yield() }
        ec2.set { $0.hanging = [] }
        for reading in readings {
            let found = try await reading.value
            #expect(found.instances.map(\.id) == ["i-1"] && found.zoneIDs == ["a": "z1"])
        }
        #expect(ec2.calls == ["instances", "zones"])
        // Later it is asked for again, the zones are not.
        clock.advance(ms: 15_001)
        _ = try await read(inventory)
        #expect(ec2.calls == ["instances", "zones", "instances"])
        // Other filters are another question.
        let filters = [EC2Filter(name: "tag:a", values: ["b"])]
        await inventory.join(filters)
        _ = try await read(inventory, filters)
        #expect(ec2.calls.last == "instances tag:a")
        #expect(await inventory.count == 2)
        await inventory.leave(filters)
        for _ in 0..<3 { await inventory.leave([]) }
        #expect(await inventory.count == 0, "what nobody asks for is forgotten")
    }

    @Test func oneThatIsCancelledWhileItReadsLeavesTheReadingToTheNext() async throws {
        ec2.set {
            $0.instances = .success([ec2Instance(1, zone: nil)])
            $0.hanging = ["instances"]
        }
        let inventory = inventory()
        await inventory.join([])
        let first = Task { await inventory.read([], freshNs: freshNs) }
        while ec2.calls.isEmpty { await Task.yield() }
        let second = Task { try await inventory.read([], freshNs: freshNs).get() }
        first.cancel()
        if case .success = await first.value { Issue.record("a cancelled reading has no result") }
        ec2.set { $0.hanging = [] }
        #expect(try await second.value.instances.map(\.id) == ["i-1"])
    }

    @Test func aFailureIsSharedForAMomentOnly() async {
        ec2.set { $0.instances = .failure(denied("EC2.DescribeInstances")) }
        let inventory = inventory()
        await inventory.join([])
        for _ in 0..<2 {
            let outcome = await inventory.read([], freshNs: freshNs)
            guard case .failure(let error) = outcome else {
                Issue.record("a refusal is a failure")
                return
            }
            #expect(error.code == .accessDenied)
        }
        #expect(ec2.calls.count == 1)
        clock.advance(ms: 501)
        _ = await inventory.read([], freshNs: freshNs)
        #expect(ec2.calls.count == 2)
    }

    @Test func zonesAreAskedForAgainWhenAnInstanceIsInANewOne() async throws {
        ec2.set {
            $0.instances = .success([ec2Instance(1)])
            $0.zones = .success(["a": "z1"])
        }
        let inventory = inventory()
        await inventory.join([])
        _ = try await read(inventory)
        ec2.set {
            $0.instances = .success([ec2Instance(1), ec2Instance(2, zone: "b")])
            $0.zones = .success(["a": "z1", "b": "z2"])
        }
        // Ten minutes after the last time at the soonest, as a list that lacks a zone may go on to lack it.
        clock.advance(ms: 60_000)
        let early = try await read(inventory)
        #expect(early.zoneIDs == ["a": "z1"] && early.zonesFault == nil)
        clock.advance(ms: 540_000)
        #expect(try await read(inventory).zoneIDs == ["a": "z1", "b": "z2"])
        #expect(ec2.calls.filter { $0 == "zones" }.count == 2)
    }

    @Test func aRefusalOfZonesIsToldAndLeavesInstancesAlone() async throws {
        ec2.set {
            $0.instances = .success([ec2Instance(1)])
            $0.zones = .failure(denied("EC2.DescribeAvailabilityZones"))
        }
        let inventory = inventory()
        await inventory.join([])
        for _ in 0..<3 {
            let reading = try await read(inventory)
            #expect(reading.instances.count == 1 && reading.zonesFault?.code == .accessDenied)
            clock.advance(ms: 60_000)
        }
        #expect(ec2.calls.filter { $0 == "zones" }.count == 1, "asked for in vain once in ten minutes")
        clock.advance(ms: 420_000)
        ec2.set { $0.zones = .success(["a": "z1"]) }
        let reading = try await read(inventory)
        #expect(reading.zoneIDs == ["a": "z1"] && reading.zonesFault == nil)
    }

    @Test func whatMayPassIsAskedForWithTheNextReading() async throws {
        ec2.set {
            $0.instances = .success([ec2Instance(1)])
            $0.zones = .failure(throttled("EC2.DescribeAvailabilityZones"))
        }
        let inventory = inventory()
        await inventory.join([])
        #expect(try await read(inventory).zonesFault?.code == .throttled)
        ec2.set { $0.zones = .success(["a": "z1"]) }
        clock.advance(ms: 60_000)
        #expect(try await read(inventory).zoneIDs == ["a": "z1"])
    }
}
