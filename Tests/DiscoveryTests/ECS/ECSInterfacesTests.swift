import AWS
import Testing

@testable import Discovery

@Suite struct ECSInterfacesTests {
    private static let hourNs: UInt64 = 3_600_000_000_000

    @Test func eachInterfaceIsAskedForOnceAndAgainWhenOld() async {
        let aws = FakeAWS()
        aws.set { $0.interfaces = (0..<350).map { .init(id: "eni-\($0)", publicIPv4: "3.0.0.\($0)") } }
        let tasks = (0..<350).map { fargateTask($0) }
        var interfaces = ECSInterfaces()
        #expect(await interfaces.read(tasks, aws.api, nowNs: 0).isEmpty)
        #expect(interfaces.publicIPv4(of: tasks[349]) == "3.0.0.349")
        _ = await interfaces.read(tasks + [fargateTask(400)], aws.api, nowNs: 60_000_000_000)
        #expect(
            aws.takeCalls() == [
                "describeNetworkInterfaces 200", "describeNetworkInterfaces 150",
                "describeNetworkInterfaces 1",
            ])
        // An elastic address went to another task.
        aws.set { $0.interfaces = [.init(id: "eni-0"), .init(id: "eni-1", publicIPv4: "3.0.0.0")] }
        _ = await interfaces.read(Array(tasks.prefix(2)), aws.api, nowNs: Self.hourNs)
        #expect(interfaces.publicIPv4(of: tasks[0]) == nil)
        #expect(interfaces.publicIPv4(of: tasks[1]) == "3.0.0.0")
        interfaces.keep(only: [tasks[1]])
        #expect(interfaces.count == 1)
    }

    @Test func oneThatIsNotThereYetIsAskedForAgainAfterAWhile() async {
        let aws = FakeAWS()
        let task = fargateTask(1)
        var interfaces = ECSInterfaces()
        for second in [0, 60, 119] as [UInt64] {
            _ = await interfaces.read([task], aws.api, nowNs: second * 1_000_000_000)
        }
        #expect(aws.calls.count == 1)
        aws.set { $0.interfaces = [.init(id: "eni-1", publicIPv4: "3.3.3.3")] }
        _ = await interfaces.read([task], aws.api, nowNs: 120_000_000_000)
        #expect(interfaces.publicIPv4(of: task) == "3.3.3.3")
    }

    @Test func aFailureKeepsWhatIsKnownAndIsNoFailureOfTheCluster() async {
        let aws = FakeAWS()
        aws.set { $0.interfaces = [.init(id: "eni-1", publicIPv4: "3.3.3.3")] }
        let task = fargateTask(1)
        var interfaces = ECSInterfaces()
        _ = await interfaces.read([task], aws.api, nowNs: 0)
        aws.set {
            $0.errors["describeNetworkInterfaces"] = AWSError(
                .accessDenied, message: "not allowed", operation: "EC2.DescribeNetworkInterfaces")
        }
        let faults = await interfaces.read([task, fargateTask(2)], aws.api, nowNs: Self.hourNs)
        #expect(faults.map(\.message) == ["EC2.DescribeNetworkInterfaces: not allowed"])
        #expect(faults.map(\.subject) == [.interfaces])
        #expect(interfaces.publicIPv4(of: task) == "3.3.3.3")
    }

    @Test func tasksWithoutAnInterfaceOfTheirOwnAreNotAskedFor() async {
        let aws = FakeAWS()
        var interfaces = ECSInterfaces()
        var detaching = fargateTask(1)
        detaching.attachments[1].status = "DETACHING"
        _ = await interfaces.read([instanceTask(1), detaching], aws.api, nowNs: 0)
        #expect(aws.calls.isEmpty)
    }
}
