import AWS
import Configuration
import MetricModel
import Platform
import TestSupport
import Testing

@testable import Discovery

@Suite struct ECSSelectionsTests {
    private func survey(_ aws: FakeAWS, rulesNeed: ECSLabelNeeds = []) -> ECSSurvey {
        var configuration = ECSSDConfiguration(clusters: ["prod"])
        configuration.rulesNeed = rulesNeed
        return ECSSurvey(
            configuration, inventory: ECSInventory(region: "r", api: aws.api, clock: ManualClock()),
            ownCluster: .none)
    }

    @Test func theMachineOfATaskThatAsksForNothingIsNotAskedFor() async {
        let aws = FakeAWS()
        var other = instanceTask(2)
        other.definitionARN = "plain:1"
        aws.set {
            $0.tasks["prod"] = [fargateTask(1), other]
            $0.definitions["web:1"] = webDefinition()
            $0.definitions["plain:1"] = ECSTaskDefinition(
                arn: "plain:1", family: "plain", revision: 1, networkMode: "bridge",
                containers: [.init(name: "app")])
            $0.errors["describeContainerInstances"] = denied("ECS.DescribeContainerInstances")
        }
        let round = await survey(aws).round(freshNs: 0)
        #expect(round.isComplete && !round.hasFailed)
        #expect(!aws.calls.contains { $0.hasPrefix("describeContainerInstances") })
    }

    /// Its name in Systems Manager is asked for where a rule looks at that, and is a label and no target.
    @Test(arguments: [ECSLabelNeeds(), .machines])
    func anAddressThatTheInstanceCarriesNeedsNoSystemsManager(rulesNeed: ECSLabelNeeds) async {
        let aws = FakeAWS()
        aws.set {
            $0.tasks["prod"] = [instanceTask(1, launchType: "EXTERNAL")]
            $0.definitions["web:1"] = webDefinition(mode: "host")
            $0.instances = [
                .init(arn: "ci", instanceID: "mi-1", attributes: ["narthex.address": "10.9.9.9"])
            ]
            $0.errors["describeInstanceInformation"] = denied("SSM.DescribeInstanceInformation")
        }
        let round = await survey(aws, rulesNeed: rulesNeed).round(freshNs: 0)
        #expect(round.groups.flatMap(\.targets).compactMap { $0["__address__"] } == ["10.9.9.9:9100"])
        #expect(round.isComplete && !round.hasFailed)
        let isAsked = aws.calls.contains { $0.hasPrefix("describeInstanceInformation") }
        #expect(isAsked == !rulesNeed.isEmpty)
        #expect(round.faults.count == (rulesNeed.isEmpty ? 0 : 1))
    }

    /// What was read for jobs that want less is read again for it, and once for those that want the same.
    /// A cluster with a task on a machine, and an entry that makes no target of it.
    private func oneTaskOnAMachine() -> (aws: FakeAWS, inventory: ECSInventory, other: ECSSDConfiguration) {
        let aws = FakeAWS()
        aws.set {
            $0.tasks["prod"] = [instanceTask(1)]
            $0.definitions["web:1"] = webDefinition(mode: "host")
            $0.instances = [.init(arn: "ci", instanceID: "i-1")]
            $0.ec2 = [.init(id: "i-1", privateIPv4: "10.1.0.1")]
        }
        var other = ECSSDConfiguration(clusters: ["prod"])
        other.filterLabel = "OTHER"
        return (aws, ECSInventory(region: "r", api: aws.api, clock: ManualClock()), other)
    }

    @Test func aJobThatComesLaterHasWhatItsTargetsNeed() async {
        let (aws, inventory, other) = oneTaskOnAMachine()
        let first = ECSSurvey(other, inventory: inventory, ownCluster: .none)
        #expect(await first.round(freshNs: 1_000_000_000).groups.map(\.targets.count) == [0])
        #expect(aws.calls.last == "describeTaskDefinition web:1")
        func late() -> ECSSurvey {
            ECSSurvey(ECSSDConfiguration(clusters: ["prod"]), inventory: inventory, ownCluster: .none)
        }
        let late = [late(), late()]
        for survey in late {
            #expect(await survey.round(freshNs: 1_000_000_000).groups.map(\.targets.count) == [1])
        }
        #expect(aws.calls.count { $0 == "listTasks prod" } == 2)
    }

    /// As when a reload changes an entry: as many want something as before, and they want something else.
    @Test func aJobInThePlaceOfAnotherHasWhatItsTargetsNeed() async {
        let (_, inventory, other) = oneTaskOnAMachine()
        var former: ECSSurvey? = ECSSurvey(other, inventory: inventory, ownCluster: .none)
        #expect(await former?.round(freshNs: 1_000_000_000).groups.map(\.targets.count) == [0])
        let next = ECSSurvey(ECSSDConfiguration(clusters: ["prod"]), inventory: inventory, ownCluster: .none)
        former = nil
        #expect(await next.round(freshNs: 1_000_000_000).groups.map(\.targets.count) == [1])
    }

    /// A reload that fails, or that removes a job, leaves nothing behind.
    @Test func whatAJobWantedIsWantedNoLongerThanTheJobIsThere() async {
        let (aws, clock) = (FakeAWS(), ManualClock())
        aws.set { $0.tasks["prod"] = [fargateTask(1)] }
        let inventory = ECSInventory(region: "r", api: aws.api, clock: clock)
        var kept = ECSSDConfiguration(clusters: ["prod"])
        kept.port = 80
        let survey = ECSSurvey(kept, inventory: inventory, ownCluster: .none)
        do { _ = ECSSurvey(ECSSDConfiguration(clusters: ["prod"]), inventory: inventory, ownCluster: .none) }
        _ = await survey.round(freshNs: 0)
        // Only the one that is gone needed definitions.
        #expect(!aws.calls.contains { $0.hasPrefix("describeTaskDefinition") })
    }
}
