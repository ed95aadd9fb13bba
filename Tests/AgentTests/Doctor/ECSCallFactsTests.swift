import AWS
import Testing

@testable import Agent

struct ECSCallFactsTests {
    private func line(_ operation: DiscoveryOperation, _ error: AWSError?) -> DoctorLine {
        ECSCallFacts(operation: operation, cluster: "shop", error: error).line(job: "ecs")
    }

    private func denied(_ operation: DiscoveryOperation) -> AWSError {
        AWSError(
            .accessDenied, message: "AccessDeniedException: User: u is not authorized",
            operation: "\(operation.service.name).\(operation.name) at https://h")
    }

    @Test func whatIsAllowedIsSaid() {
        #expect(
            line(.listTasks, nil).text == "ok       ecs ecs: ecs:ListTasks in cluster shop is allowed")
        #expect(
            ECSCallFacts(operation: .listClusters).line(job: "j").text
                == "ok       ecs j: ecs:ListClusters is allowed")
    }

    /// The files are compared with the calls by another test.
    @Test(arguments: Set(DiscoveryOperation.allCases).subtracting(machines + [.describeAvailabilityZones]))
    func theMissingActionIsNamedWithItsPolicy(operation: DiscoveryOperation) {
        let found = line(operation, denied(operation))
        #expect(found.verdict == .wrong)
        #expect(found.remedy?.hasPrefix("allow \(operation.iamAction) in the policy") == true)
        #expect(found.remedy?.contains("(config/iam/ecs-") == true)
    }

    private static let machines: [DiscoveryOperation] = [
        .describeContainerInstances, .describeInstances, .describeInstanceInformation,
    ]

    /// A policy may be bound to services by name.
    @Test func aServiceThatWasMadeUpTellsNothing() {
        func line(isMadeUp: Bool) -> DoctorLine {
            ECSCallFacts(
                operation: .describeServices, cluster: "shop", isMadeUp: isMadeUp,
                error: denied(.describeServices)
            ).line(job: "ecs")
        }
        #expect(line(isMadeUp: true).verdict == .skipped && line(isMadeUp: false).verdict == .wrong)
        #expect(line(isMadeUp: true).message.contains("as no task of a service runs there"))
    }

    /// A task on EC2 in awsvpc mode, or one that exports nothing, does without.
    @Test(arguments: machines)
    func whatATargetMayDoWithoutIsSaid(operation: DiscoveryOperation) {
        let found = line(operation, denied(operation))
        #expect(found.verdict == .skipped)
        #expect(
            found.message.hasPrefix("\(operation.iamAction) in cluster shop is not allowed (config/iam/ecs-"))
        let lost = AWSError(.transport, message: "no answer", operation: "EC2 at h")
        #expect(line(operation, lost).verdict == .wrong)
    }

    @Test(arguments: [
        (AWSError.Code.notFound, "name a cluster that is there"), (.throttled, "look again in a minute"),
        (.transport, "let this machine reach the endpoint"), (.malformed, "look at what AWS says"),
        (.expiredCredentials, "renew the credentials"),
    ])
    func otherFaultsHaveTheirRemedy(code: AWSError.Code, words: String) {
        let found = line(.listTasks, AWSError(code, message: "on cue", operation: "ECS.ListTasks at h"))
        #expect(found.verdict == .wrong && found.remedy?.hasPrefix(words) == true)
    }

    @Test func withoutCredentialsNothingIsSaidTwice() {
        let none = AWSError(.noCredentials, message: "none", operation: "credentials")
        #expect(line(.listTasks, none).verdict == .skipped)
    }

    @Test func anAnswerAboutWhatIsNotThereIsAnAnswer() {
        func error(_ code: AWSError.Code) -> AWSError { AWSError(code, message: "m", operation: "o") }
        #expect(ECSCallFacts.isAnswer(error(.service("ClientException"))))
        #expect(ECSCallFacts.isAnswer(error(.notFound)))
        #expect(ECSCallFacts.isAnswer(error(.service("InvalidInstanceID.NotFound"))))
        for code in [AWSError.Code.accessDenied, .throttled, .transport, .service("ServerException")] {
            #expect(!ECSCallFacts.isAnswer(error(code)))
        }
    }
}
