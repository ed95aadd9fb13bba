import HTTPTransport
import Platform
import Telemetry
import TestSupport
import Testing

@testable import AWS

@Suite struct CallPacerTests {
    private func request(_ operation: String) -> HTTPRequest {
        HTTPRequest(
            method: .post, url: "http://127.0.0.1/",
            headers: [
                HTTPHeader(name: "X-Amz-Target", value: "AmazonEC2ContainerServiceV20141113.\(operation)")
            ])
    }

    @Test func callsAreToldApartByWhatTheySayTheyAre() {
        #expect(PacedHTTP.operation(of: request("ListTasks")) == .listTasks)
        #expect(PacedHTTP.operation(of: request("RunTask")) == nil)
        let form = HTTPRequest(
            method: .post, url: "u", body: Array("Action=DescribeInstances&Version=2016-11-15".utf8))
        #expect(PacedHTTP.operation(of: form) == .describeInstances)
        #expect(PacedHTTP.operation(of: HTTPRequest(url: "u")) == nil)
    }

    @Test func classesKeepTheirPaceApartAndCallsAreCounted() async throws {
        let (clock, registry) = (ManualClock(), MetricRegistry())
        let answers = ScriptedHTTP([.status(200, "{}")])
        let http = CallPacers(clock: clock, registry: registry).pace(region: "r", account: "1").paced(answers)
        for _ in 0..<50 { _ = try await http.perform(request("ListTasks")) }
        // The burst is used up; another class has its own.
        _ = try await http.perform(request("DescribeTaskDefinition"))
        let late = Task { try await http.perform(request("DescribeTasks")).status }
        while clock.sleeperCount == 0 { await Task.yield() }
        #expect(answers.requests.count == 51)
        clock.advance(ms: 100)
        #expect(try await late.value == 200)
        let page = registry.render()
        #expect(page.contains("narthex_sd_aws_calls_total{service=\"ecs\",operation=\"ListTasks\"} 50"))
        #expect(page.contains("narthex_sd_aws_calls_total{service=\"ecs\",operation=\"DescribeTasks\"} 1"))
    }

    @Test func throttlingSlowsItsClass() async throws {
        let (clock, registry) = (ManualClock(), MetricRegistry())
        let body = #"{"__type":"ThrottlingException","message":"Rate exceeded"}"#
        let http = CallPacers(clock: clock, registry: registry).pace(region: "r", account: "1").paced(
            ScriptedHTTP([.status(400, body), .status(200, "{}")]))
        #expect(try await http.perform(request("ListTasks")).status == 400)
        let next = Task { try await http.perform(request("ListTasks")).status }
        while clock.sleeperCount == 0 { await Task.yield() }
        clock.advance(ms: 200)
        #expect(try await next.value == 200)
        #expect(
            registry.render().contains(
                "narthex_sd_aws_throttled_total{service=\"ecs\",operation=\"ListTasks\"} 1"))
    }

    @Test func waitingEndsWhenCancelled() async throws {
        let clock = ManualClock()
        let http = CallPacers(clock: clock, registry: MetricRegistry()).pace(region: "r", account: "1").paced(
            ScriptedHTTP([.status(200, "{}")]))
        for _ in 0..<50 { _ = try await http.perform(request("ListTasks")) }
        let late = Task { try await http.perform(request("ListTasks")) }
        while clock.sleeperCount == 0 { await Task.yield() }
        late.cancel()
        let error = await #expect(throws: HTTPError.self) { try await late.value }
        #expect(error?.code == .cancelled)
    }

    /// Half is for the others of the account, but for definitions: a start waits for those, once.
    @Test func definitionsAreAskedForAtThePublishedRateAndAllElseAtHalf() {
        for pace in ThrottleClass.allCases {
            let share = pace == .taskDefinitionRead ? 1 : 0.5
            let burst = Int(pace.published.burst * share)
            var bucket = pace.bucket
            let waitsNs = (0..<burst + 100).map { _ in bucket.take(nowNs: 1) }
            #expect(waitsNs.count { $0 == 0 } == burst, "\(pace)")
            // The last of a hundred more.
            #expect(waitsNs.last == UInt64(100 / (pace.published.perSecond * share) * 1e9), "\(pace)")
        }
    }
}
