import Configuration
import HTTPTransport
import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPAccess

@Suite(.timeLimit(.minutes(1)))
struct OAuth2TokenSourceTests {
    private let options = OAuth2Options(
        clientID: "the id", scopes: ["a", "b"], tokenURL: "http://auth.example/token?x=1",
        endpointParameters: [.init(name: "audience", value: "api://x y")])

    private func answer(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, body: HTTPBody(Array(text.utf8)))
    }

    /// How many have asked.
    private final class Askers: Sendable {
        private let count = Mutex(0)

        func add() { count.withLock { $0 += 1 } }

        /// Holds an answer back until all have asked and had their turns to wait for it.
        func wait(for number: Int) async {
            while count.withLock({ $0 }) < number { await Task.yield() }
            for _ in 0..<1_000 { await Task.yield() }
        }
    }

    @Test func theRequestIsTheRFCs() async throws {
        let http = FakeHTTP { _ in
            self.answer(#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#)
        }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        #expect(try await source.token(clientSecret: "s:e", timeoutMs: 5_000) == "Bearer t")
        let request = try #require(http.requests.first)
        #expect(request.method == .post && request.timeoutMs == 10_000, "longer than its first caller waits")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "grant_type=client_credentials&scope=a+b&audience=api%3A%2F%2Fx+y")
        #expect(request.header("Authorization") == ["Basic dGhlK2lkOnMlM0Fl"])
    }

    @Test func theEndpointMayWantAnotherGrantType() async throws {
        let http = FakeHTTP { _ in self.answer(#"{"access_token":"t"}"#) }
        var options = options
        options.endpointParameters = [.init(name: "grant_type", value: "password")]
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        _ = try await source.token(clientSecret: "s", timeoutMs: 5_000)
        #expect(
            String(decoding: try #require(http.requests.first).body, as: UTF8.self)
                == "scope=a+b&grant_type=password")
    }

    @Test func aTokenIsRenewedBeforeItEndsAndTheOldOneHoldsMeanwhile() async throws {
        let clock = ManualClock()
        let count = Mutex(0)
        let http = FakeHTTP { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 2 { return self.answer("down", status: 503) }
            return self.answer(#"{"access_token":"t\#(number)","expires_in":"100"}"#)
        }
        let source = OAuth2TokenSource(options, http: http, clock: clock)
        func token() async throws -> String { try await source.token(clientSecret: "s", timeoutMs: 5_000) }
        #expect(try await token() == "Bearer t1")
        clock.advance(ms: 74_000)
        #expect(try await token() == "Bearer t1")
        clock.advance(ms: 2_000)
        #expect(try await token() == "Bearer t1", "a renewal that fails leaves the old token")
        #expect(try await token() == "Bearer t1", "and is not repeated at once")
        #expect(http.requests.count == 2)
        clock.advance(ms: 2_000)
        #expect(try await token() == "Bearer t3")
    }

    @Test func anEndpointThatWantsParametersGetsThem() async throws {
        let http = FakeHTTP { request in
            request.header("Authorization").isEmpty
                ? self.answer(#"{"access_token":"t"}"#)
                : self.answer(#"{"error":"invalid_client"}"#, status: 401)
        }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        #expect(try await source.token(clientSecret: "s", timeoutMs: 5_000) == "Bearer t")
        let body = String(decoding: http.requests.last?.body ?? [], as: UTF8.self)
        #expect(body.hasSuffix("&client_id=the+id&client_secret=s"))
        await source.reject("Bearer t")
        _ = try await source.token(clientSecret: "s", timeoutMs: 5_000)
        #expect(http.requests.count == 3, "what has worked is tried first")
    }

    /// The answer to a request that left with the token before may come late.
    @Test func aTokenThatWasRefusedLateTakesNoNewerOneAlong() async throws {
        let count = Mutex(0)
        let http = FakeHTTP { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return self.answer(#"{"access_token":"t\#(number)"}"#)
        }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        func token() async throws -> String { try await source.token(clientSecret: "s", timeoutMs: 5_000) }
        #expect(try await token() == "Bearer t1")
        await source.reject("Bearer t1")
        #expect(try await token() == "Bearer t2")
        await source.reject("Bearer t1")
        #expect(try await token() == "Bearer t2")
        #expect(http.requests.count == 2)
    }

    @Test func manyAskersAreOneRequest() async throws {
        let askers = Askers()
        let http = FakeHTTP { _ in
            await askers.wait(for: 50)
            return self.answer(#"{"access_token":"t","expires_in":1e3}"#)
        }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    askers.add()
                    return try await source.token(clientSecret: "s", timeoutMs: 5_000)
                }
            }
            for try await token in group { #expect(token == "Bearer t") }
        }
        #expect(http.requests.count == 1)
    }

    @Test func aFailureIsEverybodysAndNamesThePlaceAndNoSecret() async throws {
        let askers = Askers()
        let http = FakeHTTP { _ in
            await askers.wait(for: 20)
            return self.answer(#"{"error":"invalid_client","error_description":"hunter2"}"#, status: 401)
        }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        await withTaskGroup(of: HTTPError?.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    askers.add()
                    do throws(HTTPError) {
                        _ = try await source.token(clientSecret: "hunter2", timeoutMs: 5_000)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            for await error in group {
                #expect(error?.code == .credentials)
                #expect(
                    error?.message
                        == "token endpoint http://auth.example/token: it answered with status 401:"
                        + " invalid_client"
                )
            }
        }
        #expect(http.requests.count == 2, "once in the header, once in the body")
    }

    @Test(arguments: [
        ("{\n \"access_token\":\"hunter3\"", "the answer cannot be read as JSON: 2:26:"),
        ("<html>hunter3", "the answer cannot be read as JSON: 1:1:"),
        ("{}", "the answer holds no access_token"),
    ])
    func anAnswerWithoutATokenIsNamedAndNotShown(text: String, why: String) async {
        let http = FakeHTTP { _ in self.answer(text) }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        let error = await #expect(throws: HTTPError.self) {
            try await source.token(clientSecret: "hunter2", timeoutMs: 5_000)
        }
        let message = error?.message ?? ""
        #expect(message.hasPrefix("token endpoint http://auth.example/token: \(why)"), "\(message)")
        #expect(!message.contains("hunter"))
    }

    @Test func aChangedSecretIsAnotherToken() async throws {
        let http = FakeHTTP { _ in self.answer(#"{"access_token":"t"}"#) }
        let source = OAuth2TokenSource(options, http: http, clock: ManualClock())
        _ = try await source.token(clientSecret: "one", timeoutMs: 5_000)
        _ = try await source.token(clientSecret: "two", timeoutMs: 5_000)
        #expect(http.requests.count == 2)
    }

    /// An endpoint that answers when it is let.
    private func held(_ answer: Event) -> FakeHTTP {
        FakeHTTP { _ in
            guard await answer.wait() == .signalled else {
                throw HTTPError(.cancelled, "the request was cancelled")
            }
            return self.answer(#"{"access_token":"t"}"#)
        }
    }

    @Test func theFirstAskersCancellationLeavesTheRequestToTheOthers() async throws {
        let answer = Event()
        let http = held(answer)
        let source = OAuth2TokenSource(options, http: http, clock: SystemClock())
        let first = Task { try await source.token(clientSecret: "s", timeoutMs: 30_000) }
        while http.requests.isEmpty { await Task.yield() }
        let second = Task { try await source.token(clientSecret: "s", timeoutMs: 30_000) }
        while source.renewal.callerCount < 2 { await Task.yield() }
        first.cancel()
        let error = await #expect(throws: HTTPError.self) { try await first.value }
        #expect(error?.code == .cancelled)
        answer.signal()
        #expect(try await second.value == "Bearer t")
        #expect(http.requests.count == 1)
    }

    @Test func anAskerThatIsCancelledOrOutOfTimeLeavesWhileTheOthersWait() async throws {
        let answer = Event()
        let http = held(answer)
        let source = OAuth2TokenSource(options, http: http, clock: SystemClock())
        let first = Task { try await source.token(clientSecret: "s", timeoutMs: 30_000) }
        while http.requests.isEmpty { await Task.yield() }
        @Sendable func code(timeoutMs: Int64) async -> HTTPError.Code? {
            do throws(HTTPError) {
                _ = try await source.token(clientSecret: "s", timeoutMs: timeoutMs)
                return nil
            } catch {
                return error.code
            }
        }
        let cancelled = Task { await code(timeoutMs: 30_000) }
        while source.renewal.callerCount < 2 { await Task.yield() }
        cancelled.cancel()
        // Both leave before the endpoint is let to answer; whoever stayed would get the token or time out.
        #expect(await cancelled.value == .cancelled)
        #expect(await code(timeoutMs: 1) == .timeout)
        answer.signal()
        #expect(try await first.value == "Bearer t")
        #expect(http.requests.count == 1)
    }

    @Test func aTryThatAllHaveGivenUpIsEverybodysAnswerToo() async throws {
        let http = held(Event())
        let source = OAuth2TokenSource(options, http: http, clock: SystemClock())
        for _ in 0..<3 {
            let error = await #expect(throws: HTTPError.self) {
                try await source.token(clientSecret: "s", timeoutMs: 20)
            }
            #expect(error?.code == .timeout)
        }
        #expect(http.requests.count == 1, "a silent endpoint is not asked again at once")
    }
}
