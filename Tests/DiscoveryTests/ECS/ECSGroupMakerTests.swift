import AWS
import Configuration
import MetricModel
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Discovery

@Suite struct ECSGroupMakerTests {
    /// A survey of the cluster "prod" with one Fargate task of the service "web".
    private final class Bench {
        let aws = FakeAWS()
        let clock = ManualClock()
        let survey: ECSSurvey

        init(
            describes: Bool = true, rulesNeed: ECSLabelNeeds = [],
            patience: ECSSurvey.Patience = .asRulesNeed
        ) {
            var configuration = ECSSDConfiguration(clusters: ["prod"])
            configuration.describesServices = describes
            configuration.rulesNeed = rulesNeed
            survey = ECSSurvey(
                configuration, inventory: ECSInventory(region: "r", api: aws.api, clock: clock),
                ownCluster: .none, patience: patience)
            aws.set {
                $0.tasks["prod"] = [fargateTask(1)]
                $0.definitions["web:1"] = webDefinition()
                $0.services = [.init(arn: "web", name: "web", status: "ACTIVE", tags: ["team": "a"])]
            }
        }

        func add(_ number: Int, group: String) {
            var task = fargateTask(number)
            task.group = group
            aws.set { $0.tasks["prod"]?.append(task) }
        }

        func round() async -> ECSSurvey.Round {
            clock.advance(ms: 30_000)
            return await survey.round(freshNs: 0)
        }
    }

    private func teams(_ round: ECSSurvey.Round) -> [String?] {
        round.groups.flatMap(\.targets).map { $0["__meta_ecs_tag_service_team"] }
    }

    private func addresses(_ round: ECSSurvey.Round) -> [String] {
        round.groups.flatMap(\.targets).compactMap { $0["__address__"] }
    }

    @Test func aNewServiceIsKnownBeforeItsTasksAppear() async {
        let bench = Bench()
        #expect(teams(await bench.round()) == ["a"])
        bench.add(2, group: "service:fresh")
        bench.aws.set {
            $0.services.append(.init(arn: "fresh", name: "fresh", status: "ACTIVE", tags: ["team": "b"]))
        }
        #expect(teams(await bench.round()) == ["a", "b"])
    }

    @Test func whereRulesLookAtAServiceItsTasksWaitForItAndOthersDoNot() async {
        let bench = Bench(rulesNeed: .services)
        bench.add(2, group: "family:cron")
        bench.aws.set { $0.errors["describeServices"] = denied("ECS.DescribeServices") }
        for _ in 0..<4 {
            let round = await bench.round()
            #expect(addresses(round) == ["10.0.0.2:9100"])
            #expect(round.hasFailed && !round.isComplete)
            let fault = round.faults.first?.fault.message ?? ""
            #expect(fault.contains("allow ecs:DescribeServices") && fault.contains("1 task(s) wait for it"))
            #expect(round.leftOut.filter(\.isFault).map(\.task) == [fargateTask(1).arn])
        }
        bench.aws.set { $0.errors = [:] }
        #expect(addresses(await bench.round()) == ["10.0.0.1:9100", "10.0.0.2:9100"])
        // What is known stays when a later service cannot be described.
        bench.add(3, group: "service:fresh")
        bench.aws.set { $0.errors["describeServices"] = throttled("ECS.DescribeServices") }
        #expect(addresses(await bench.round()) == ["10.0.0.1:9100", "10.0.0.2:9100"])
    }

    @Test func whereNoRuleLooksAtAServiceItsTasksAppearWithout() async {
        let bench = Bench()
        bench.aws.set { $0.errors["describeServices"] = denied("ECS.DescribeServices") }
        let round = await bench.round()
        #expect(addresses(round) == ["10.0.0.1:9100"] && round.isComplete && !round.hasFailed)
        #expect(round.faults.count == 1)
    }

    /// As `narthex discover --write-to` has it: who reads the file has rules that are not known here.
    @Test func withoutRulesTasksWaitForTheirServiceForAMinute() async {
        let bench = Bench(patience: .atMostMs(60_000))
        bench.aws.set { $0.errors["describeServices"] = denied("ECS.DescribeServices") }
        for _ in 0..<2 {
            let early = await bench.round()
            #expect(addresses(early).isEmpty && early.hasFailed && !early.isWorthWriting)
        }
        let late = await bench.round()
        #expect(addresses(late) == ["10.0.0.1:9100"] && late.isWorthWriting && late.isComplete)
        #expect(late.faults.first?.fault.message.contains("allow ecs:DescribeServices") == true)
    }

    /// A call that is refused for good costs the tasks that need it, by name, and none else.
    @Test func aMachineThatCannotBeAskedForCostsItsOwnTargets() async {
        let bench = Bench(describes: false)
        bench.aws.set {
            var own = fargateTask(2)
            own.launchType = "EC2"
            own.containerInstanceARN = "ci"
            $0.tasks["prod"]?.append(own)
            $0.errors["describeContainerInstances"] = denied("ECS.DescribeContainerInstances")
        }
        // It has an interface of its own, and lacks labels only.
        let without = await bench.round()
        #expect(addresses(without) == ["10.0.0.1:9100", "10.0.0.2:9100"])
        #expect(without.isComplete && !without.hasFailed && without.faults.count == 1)
        bench.aws.set {
            var task = instanceTask(3)
            task.definitionARN = "bridge:1"
            $0.tasks["prod"]?.append(task)
            $0.definitions["bridge:1"] = webDefinition(mode: "bridge")
        }
        let other = Bench(describes: false)
        other.aws.set { [state = bench.aws.state.withLock { $0 }] in $0 = state }
        let refused = await other.round()
        #expect(addresses(refused) == ["10.0.0.1:9100", "10.0.0.2:9100"])
        #expect(refused.hasFailed && !refused.isComplete && refused.isWorthWriting)
        #expect(
            refused.faults.first?.fault.message
                == "ECS.DescribeContainerInstances: AccessDeniedException: not authorized;"
                + " allow ecs:DescribeContainerInstances in the policy of these credentials (see config/iam);"
                + " 1 task(s) wait for it")
        #expect(refused.leftOut.filter(\.isFault).map(\.task) == [instanceTask(3).arn])
        // What may pass is no reason to write a list that lacks something.
        let third = Bench(describes: false)
        third.aws.set { [state = bench.aws.state.withLock { $0 }] in
            $0 = state
            $0.errors["describeContainerInstances"] = throttled("ECS.DescribeContainerInstances")
        }
        #expect(await !third.round().isWorthWriting)
    }
}
