import Addresses
import Configuration
import Cryptography
import HTTPTransport
import JSON
import Platform

/// Tokens for client credentials (RFC 6749 §4.4): asked for once for all that need one, kept, and renewed
/// while the old one still holds.
actor OAuth2TokenSource {
    /// A failed try is everybody's answer for this long: a thousand targets must not ask a broken endpoint a
    /// thousand times.
    static let failureHoldsMs: UInt64 = 1_000
    /// Longest try. It serves callers of different patience, each of whom waits for no longer than its own.
    static let timeoutMs: Int64 = 10_000
    /// A token is renewed this long before it ends, or after three quarters of its life when that is later.
    static let renewalMs: Int64 = 60_000
    static let answerLimitBytes = 1 << 20

    private struct Held {
        let header: String
        let clientSecret: String
        /// Nil: it does not end.
        let renewNs: UInt64?
        let endNs: UInt64?
    }

    /// What one request for a token came to.
    struct Renewal: Sendable {
        let clientSecret: String
        let header: Result<String, HTTPError>
    }

    private let options: OAuth2Options
    private let http: any HTTPPerforming
    private let clock: any AgentClock
    private var held: Held?
    private var failure: (error: HTTPError, atNs: UInt64, clientSecret: String)?
    /// Callers with different secrets, as while a file of secrets changes, take turns.
    nonisolated let renewal = SharedFlight<Renewal>()
    /// The endpoint takes the credentials in the body rather than in the header; nil until one has worked.
    private var takesParameters: Bool?

    init(_ options: OAuth2Options, http: any HTTPPerforming, clock: any AgentClock) {
        self.options = options
        self.http = http
        self.clock = clock
    }

    /// The Authorization header's value, within `timeoutMs` milliseconds. A caller that is cancelled or out
    /// of time leaves the request for a token to the others who wait for it.
    func token(clientSecret: String, timeoutMs: Int64) async throws(HTTPError) -> String {
        let deadlineNs = clock.deadlineNs(inMs: timeoutMs)
        while true {
            let nowNs = clock.monotonicNs
            if let held, held.clientSecret == clientSecret, held.endNs.map({ nowNs < $0 }) ?? true {
                let isDue = held.renewNs.map { nowNs >= $0 } ?? false
                if !isDue || renewal.isRunning || recentFailure(clientSecret, nowNs) != nil {
                    return held.header
                }
                // Whoever comes first renews it; should that fail, the old one holds for a while.
                do throws(HTTPError) {
                    if let header = try await renewed(clientSecret, timeoutMs, deadlineNs) { return header }
                } catch {
                    if error.code == .cancelled || error.code == .shutDown { throw error }
                    return held.header
                }
                continue
            }
            if let error = recentFailure(clientSecret, nowNs) { throw error }
            if let header = try await renewed(clientSecret, timeoutMs, deadlineNs) { return header }
        }
    }

    /// A server did not take the token with this header: the next request asks for another. A token that has
    /// taken its place meanwhile stays.
    func reject(_ header: String) {
        if held?.header == header { held = nil }
    }

    private func recentFailure(_ clientSecret: String, _ nowNs: UInt64) -> HTTPError? {
        guard let failure, failure.clientSecret == clientSecret,
            nowNs &- failure.atNs < Self.failureHoldsMs * 1_000_000
        else { return nil }
        return failure.error
    }

    /// The header of a token that is asked for now, by this call or another; nil when that was for another
    /// secret.
    private func renewed(
        _ clientSecret: String, _ timeoutMs: Int64, _ deadlineNs: UInt64
    ) async throws(HTTPError) -> String? {
        let outcome = await renewal.value(untilNs: deadlineNs, clock: clock) {
            await self.renew(clientSecret)
        }
        switch outcome {
        case .value(let renewal):
            return renewal.clientSecret == clientSecret ? try renewal.header.get() : nil
        case .deadline:
            let error = HTTPError(.timeout, "\(place): no answer within \(timeoutMs) ms")
            // The last one who waited has left, which cancels the request: the try has failed.
            if !renewal.isRunning { failure = (error, clock.monotonicNs, clientSecret) }
            throw error
        case .cancelled: throw HTTPError(.cancelled, "\(place): the task that asked was cancelled")
        }
    }

    private func renew(_ clientSecret: String) async -> Renewal {
        do throws(HTTPError) {
            let fresh = try await ask(clientSecret)
            held = fresh
            failure = nil
            return Renewal(clientSecret: clientSecret, header: .success(fresh.header))
        } catch {
            // A request that was cancelled says nothing about the endpoint.
            if error.code != .cancelled, error.code != .shutDown {
                failure = (error, clock.monotonicNs, clientSecret)
            }
            return Renewal(clientSecret: clientSecret, header: .failure(error))
        }
    }

    /// With the credentials in the header first, as the RFC has it, then in the body, as others want it.
    private func ask(_ clientSecret: String) async throws(HTTPError) -> Held {
        if let takesParameters {
            return try await ask(clientSecret, inParameters: takesParameters)
        }
        do throws(HTTPError) {
            let held = try await ask(clientSecret, inParameters: false)
            takesParameters = false
            return held
        } catch {
            guard error.code == .credentials else { throw error }
            let held = try await ask(clientSecret, inParameters: true)
            takesParameters = true
            return held
        }
    }

    private func ask(_ clientSecret: String, inParameters: Bool) async throws(HTTPError) -> Held {
        var fields = [(name: "grant_type", value: "client_credentials")]
        if !options.scopes.isEmpty { fields.append(("scope", options.scopes.joined(separator: " "))) }
        for parameter in options.endpointParameters {
            // Those of the configuration win over those made here: of grant_type so does Go, which refuses to
            // send a scope that is given twice.
            fields.removeAll { $0.name == parameter.name }
            fields.append((parameter.name, parameter.value))
        }
        var headers = [
            HTTPHeader(name: "Content-Type", value: "application/x-www-form-urlencoded"),
            HTTPHeader(name: "Accept", value: "application/json"),
        ]
        if inParameters {
            fields.append(("client_id", options.clientID))
            if !clientSecret.isEmpty { fields.append(("client_secret", clientSecret)) }
        } else {
            let pair = "\(FormText.escaped(options.clientID)):\(FormText.escaped(clientSecret))"
            headers.append(
                HTTPHeader(name: "Authorization", value: "Basic \(Base64.text(Array(pair.utf8)))"))
        }
        let askedNs = clock.monotonicNs
        let response = try await http.perform(
            HTTPRequest(
                method: .post, url: options.tokenURL, headers: headers, body: FormText.body(fields),
                timeoutMs: Self.timeoutMs, bodyLimitBytes: Self.answerLimitBytes, followRedirects: true))
        var answer: TokenAnswer?
        var fault: JSONError?
        do throws(JSONError) {
            answer = try TokenAnswer(response.body.bytes)
        } catch {
            fault = error
        }
        guard response.status / 100 == 2, let token = answer?.accessToken, !token.isEmpty else {
            throw HTTPError(.credentials, "\(place): \(refusal(response.status, answer, fault))")
        }
        guard let lifeSeconds = answer?.lifeSeconds, lifeSeconds > 0 else {
            return Held(
                header: header(token, answer?.tokenType), clientSecret: clientSecret, renewNs: nil, endNs: nil
            )
        }
        // A year bounds the sum.
        let lifeMs = Int64(min(lifeSeconds, 31_536_000) * 1_000)
        let renewMs = max(lifeMs * 3 / 4, lifeMs - Self.renewalMs)
        return Held(
            header: header(token, answer?.tokenType), clientSecret: clientSecret,
            renewNs: askedNs + UInt64(renewMs) * 1_000_000, endNs: askedNs + UInt64(lifeMs) * 1_000_000)
    }

    private var place: String {
        HTTPURL(options.tokenURL).map { "token endpoint \($0)" } ?? "token endpoint"
    }

    private func refusal(_ status: Int, _ answer: TokenAnswer?, _ fault: JSONError?) -> String {
        if status / 100 == 2 {
            if let fault { return "the answer cannot be read as JSON: \(fault)" }
            return "the answer holds no access_token"
        }
        let said = answer?.error.map { ": \($0)" } ?? ""
        return "it answered with status \(status)\(said)"
    }

    private func header(_ token: String, _ type: String?) -> String {
        switch type?.lowercased() {
        case nil, "", "bearer": "Bearer \(token)"
        case "mac": "MAC \(token)"
        case "basic": "Basic \(token)"
        default: "\(type ?? "Bearer") \(token)"
        }
    }
}
