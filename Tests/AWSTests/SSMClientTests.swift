import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

@Suite struct SSMClientTests {
    private func client(_ answers: [ScriptedHTTP.Answer]) -> (ssm: SSMClient, http: ScriptedHTTP) {
        let http = ScriptedHTTP(answers)
        let client = AWSClient(
            region: "eu-west-1", credentials: CountingCredentials(), http: http, clock: ManualClock(),
            environment: [:], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return (SSMClient(client: client), http)
    }

    private func bodies(_ http: ScriptedHTTP) -> [String] {
        http.requests.map { String(decoding: $0.body, as: UTF8.self) }
    }

    @Test func machinesAreReadPageByPage() async throws {
        let (ssm, http) = client([
            .status(
                200,
                """
                {"InstanceInformationList":[{"InstanceId":"mi-1","IPAddress":"192.168.0.1",
                "ComputerName":"edge-1","PingStatus":"Online","ResourceType":"ManagedInstance"},7],
                "NextToken":"n"}
                """),
            .status(200, #"{"InstanceInformationList":[{"InstanceId":"mi-2"}]}"#),
        ])
        #expect(
            try await ssm.describeInstanceInformation(["mi-1", "mi-2"]) == [
                .init(id: "mi-1", address: "192.168.0.1", computerName: "edge-1", pingStatus: "Online"),
                .init(id: "mi-2"),
            ])
        #expect(bodies(http)[0].contains(#""Filters":[{"#) && bodies(http)[0].contains(#""InstanceIds""#))
        #expect(bodies(http)[1].contains(#""NextToken":"n""#))
    }

    @Test func anIDOfAnotherAccountDoesNotCostTheOthers() async throws {
        let (ssm, http) = client([
            .status(400, #"{"__type":"InvalidInstanceId","message":"mi-9 is not valid"}"#),
            .status(200, #"{"InstanceInformationList":[{"InstanceId":"mi-1"},{"InstanceId":"mi-7"}]}"#),
        ])
        #expect(try await ssm.describeInstanceInformation(["mi-1", "mi-9"]) == [.init(id: "mi-1")])
        #expect(bodies(http)[1].contains(#""ManagedInstance""#))
    }

    @Test func pagesThatRepeatAreAFault() async {
        let (ssm, _) = client([.status(200, #"{"InstanceInformationList":[],"NextToken":"n"}"#)])
        let error = await failure { () throws(AWSError) in try await ssm.describeInstanceInformation(["mi-1"])
        }
        #expect(error?.code == .malformed)
    }
}
