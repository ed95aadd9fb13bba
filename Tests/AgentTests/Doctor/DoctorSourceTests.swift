import AWS
import Platform
import Testing

@testable import Agent

struct DoctorSourceTests {
    private func source(
        _ location: String, _ environment: [String: String] = [:],
        _ change: (inout AgentOptions) -> Void = { _ in }
    ) -> DoctorSource {
        var agent = AgentOptions(configFile: location)
        agent.environment = environment
        change(&agent)
        return DoctorSource(
            options: DoctorOptions(agent: agent), clock: SystemClock(), files: POSIXFiles())
    }

    @Test func whoReadsFromAWSIsTheRoleThatTheComposersVariablesName() {
        let named = ["CONFIG_IAM_ROLE_ARN": "arn:r", "CONFIG_IAM_EXTERNAL_ID": "x"]
        for location in ["s3://bucket/key", "ssm:/parameter", "secretsmanager:id"] {
            #expect(source(location).readers() == [DocumentRole()])
            #expect(
                source(location, named).readers() == [DocumentRole(arn: "arn:r", externalID: "x")])
        }
        #expect(source("https://h/narthex.yml", named).readers() == [])
        #expect(source("none.yml", named).readers() == [])
        #expect(source("s3://bucket/key") { $0.remoteWriteURL = "http://h/w" }.readers() == [])
    }

    @Test func aJobOnThisMachineIsReadByItsRoles() async {
        let job = """
            files:
              /etc/prometheus.yml: {source: {S3: {BucketName: b, Key: k}}}
              /etc/other: {source: {Ssm: {ParameterName: p}}}
              /etc/third: {source: {Secret: {SecretId: s, IamOverride: {RoleArn: "arn:aws:iam::1:role/r"}}}}
              /etc/page: {source: {Url: {Url: "https://h/p"}}}
              /etc/text: {content: a}
            """
        let source = source(
            "env:JOB",
            [
                "JOB": job, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            ])
        #expect(source.readers() == [])
        // The job is read, and what it names is not.
        let refused = await source.read()
        #expect(throws: AgentError.self) { try refused.get() }
        let roles = source.readers()
        #expect(roles.map(\.arn) == [nil, "arn:aws:iam::1:role/r"])
    }

    @Test func aSourceThatIsNotReachedHasAnotherRemedyThanOneThatIsNotAllowed() {
        func remedy(_ location: String, _ error: AgentError) -> String? {
            source(location).line(error).remedy
        }
        func unread(_ message: String, mayPass: Bool = false) -> AgentError {
            AgentError(.configuration, message, isOfReading: true, mayPass: mayPass)
        }
        #expect(
            remedy("s3://bucket/key", unread("the role needs s3:GetObject"))?.hasPrefix("allow that in")
                == true)
        #expect(
            remedy("s3://bucket/key", unread("lost", mayPass: true))?.contains("a VPC endpoint for s3")
                == true)
        #expect(remedy("ssm:/p", unread("lost", mayPass: true))?.contains("endpoint for ssm") == true)
        #expect(remedy("ssm:/p", unread("none"))?.hasPrefix("look at the parameter's name") == true)
        #expect(remedy("env:A", unread("unset"))?.hasPrefix("set that variable") == true)
        #expect(remedy("https://h/c", unread("404"))?.hasPrefix("look at the URL") == true)
        #expect(remedy("a.yml", unread("gone"))?.hasPrefix("name the file by") == true)
        let wrong = AgentError(.configuration, "a.yml:1:1: unknown key")
        #expect(
            remedy("a.yml", wrong)
                == "mend that; narthex check-config a.yml looks at it again without asking anybody")
        #expect(remedy("s3://bucket/key", wrong) == "mend that in s3://bucket/key")
    }

    @Test func aLongListOfRemarksIsCut() {
        let lines = DoctorSource.lines("configuration", (0..<12).map { "remark \($0)" })
        #expect(lines.count == 11 && lines.allSatisfy { $0.verdict == .noted })
        #expect(lines.last?.text == "noted    configuration: and 2 remarks more")
    }

    /// As a start refuses it.
    @Test func aDestinationThatIsTheAgentItselfIsRefused() async {
        let text = "remote_write: [{url: 'http://127.0.0.1:9190/w'}]"
        let found = source("env:C", ["C": text]) { $0.listenAddress = "127.0.0.1:9190" }
        let refused = await found.read()
        #expect(throws: AgentError.self) { try refused.get() }
        let other = await source("env:C", ["C": text]).read()
        #expect(throws: Never.self) { _ = try other.get() }
    }
}
