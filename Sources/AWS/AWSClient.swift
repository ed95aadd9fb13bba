import Cryptography
public import HTTPTransport
public import Logging
public import Platform
import Synchronization

/// Calls services of one region, signed: json 1.1 (ECS, SSM) here, the query protocol (EC2, STS) in
/// AWSClient+Query, objects of S3 in AWSAccess+S3. Thread-safe.
public final class AWSClient: Sendable {
    /// A page of 100 tasks is some 300 KB.
    private static let answerLimitBytes = 16 << 20

    public let region: String
    private let credentials: any CredentialsProvider
    private let http: any HTTPPerforming
    private let clock: any AgentClock
    private let settings: Settings
    private let endpoint: String?
    private let patience: CallPatience
    private let logger: Logger
    private let random: @Sendable () -> Double

    /// What says where services are.
    enum Settings: Sendable {
        case known(EndpointSettings)
        /// Asked before each call: files change.
        case profile(AWSSettings)
    }

    private struct State {
        var signers: [String: SigV4Signer] = [:]
        /// Service's clock minus ours, learned from refusals, by host.
        var offsetsMs: [String: Int64] = [:]
    }
    private let state = Mutex(State())

    /// `endpoint`, when given, is used for every service in place of what `environment` and region say. To
    /// have the shared files' profile heeded too, ask `AWSAccess` for a client.
    public convenience init(
        region: String, credentials: any CredentialsProvider, http: any HTTPPerforming, clock: any AgentClock,
        environment: [String: String], endpoint: String? = nil, logger: Logger
    ) {
        self.init(
            region: region, credentials: credentials, http: http, clock: clock,
            settings: .known(EndpointSettings(environment: environment)), endpoint: endpoint, logger: logger)
    }

    convenience init(
        region: String, credentials: any CredentialsProvider, http: any HTTPPerforming, clock: any AgentClock,
        endpoints: EndpointSettings, endpoint: String?, patience: CallPatience, logger: Logger
    ) {
        self.init(
            region: region, credentials: credentials, http: http, clock: clock, settings: .known(endpoints),
            endpoint: endpoint, patience: patience, logger: logger)
    }

    init(
        region: String, credentials: any CredentialsProvider, http: any HTTPPerforming, clock: any AgentClock,
        settings: Settings, endpoint: String?, patience: CallPatience = CallPatience(), logger: Logger,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.region = region
        self.credentials = credentials
        self.http = http
        self.clock = clock
        self.settings = settings
        self.endpoint = endpoint
        self.patience = patience
        self.logger = logger
        self.random = random
    }

    /// Where `service` is: its base URL, without a slash at its end.
    public func endpointURL(of service: AWSService) async throws(AWSError) -> String {
        try AWSEndpoint.url(
            service: service, region: region, configured: endpoint, settings: try await endpointSettings())
    }

    /// Whether somebody has said where `service` is, so that it need not be AWS' own host.
    func isEndpointGiven(of service: AWSService) async throws(AWSError) -> Bool {
        AWSEndpoint.given(for: service, configured: endpoint, settings: try await endpointSettings()) != nil
    }

    private func endpointSettings() async throws(AWSError) -> EndpointSettings {
        switch settings {
        case .known(let settings): settings
        case .profile(let profile): try await profile.endpoints()
        }
    }

    /// Calls `operation` with a JSON body and returns the JSON of the answer. Throttling, 5xx and network
    /// faults are retried a few times with back-off; a wrong clock and expired credentials are put right
    /// once.
    public func json(service: AWSService, operation: String, body: [UInt8]) async throws(AWSError) -> [UInt8]
    {
        let headers = [
            HTTPHeader(name: "Content-Type", value: "application/x-amz-json-1.1"),
            HTTPHeader(name: "X-Amz-Target", value: "\(service.targetPrefix).\(operation)"),
        ]
        return try await perform(service, operation, headers: headers, body: body, isSigned: true).body.bytes
    }

    /// The answer of a call that succeeded. An unsigned call is one whose body says who asks.
    func perform(
        _ service: AWSService, _ operation: String, headers: [HTTPHeader], body: [UInt8], isSigned: Bool
    ) async throws(AWSError) -> HTTPResponse {
        let call = try AWSCall(
            service, operation, method: .post, url: try await endpointURL(of: service) + "/",
            headers: headers, body: body, answerLimitBytes: Self.answerLimitBytes)
        return try await perform(call, isSigned: isSigned)
    }

    /// The answer of a call that succeeded.
    func perform(_ call: AWSCall, isSigned: Bool) async throws(AWSError) -> HTTPResponse {
        var attempts = CallAttempts(unansweredLimit: patience.unansweredAttempts)
        while true {
            let used = isSigned ? try await credentials.credentials() : nil
            let offsetMs = state.withLock { $0.offsetsMs[call.host] ?? 0 }
            let signedMs = clock.wallMs + offsetMs
            let request = try request(call, with: used, timestampMs: signedMs)
            let action: CallAttempts.Action
            let failure: AWSError
            switch await attempt(request) {
            case .success(let response)
            where (200..<300).contains(response.status)
                || (call.takesNotModified && response.status == 304):
                return response
            case .success(let response):
                let fault = ServiceFault(response)
                action = attempts.refused(
                    fault, signedMs: signedMs, offsetMs: offsetMs, isSigned: isSigned, random: random())
                failure = AWSError(
                    fault.code, message: message(of: fault), operation: call.place,
                    isTransient: fault.isTransient)
            case .failure(let error):
                action = attempts.failed(error, random: random())
                failure = AWSError(Self.code(error), message: error.what, operation: call.place)
            }
            try await carryOut(action, call, failure, used)
        }
    }

    private func carryOut(
        _ action: CallAttempts.Action, _ call: AWSCall, _ failure: AWSError, _ used: Credentials?
    ) async throws(AWSError) {
        switch action {
        case .giveUp: throw failure
        case .refreshCredentials: if let used { await credentials.reject(used) }
        case .resign(let offsetMs):
            state.withLock { $0.offsetsMs[call.host] = offsetMs }
            logger.warning(
                "this machine's clock differs from AWS': requests are signed with the difference added",
                metadata: ["host": "\(call.host)", "difference_ms": .stringConvertible(offsetMs)])
        case .retry(let afterMs):
            logger.debug(
                "an AWS call is tried again",
                metadata: [
                    "operation": "\(call.place)", "after_ms": .stringConvertible(afterMs),
                    "err": "\(failure.message)",
                ])
            do {
                try await clock.sleep(forMs: afterMs)
            } catch {
                throw AWSError(.cancelled, message: "cancelled between two attempts", operation: call.place)
            }
        }
    }

    private static func code(_ error: HTTPError) -> AWSError.Code {
        switch error.code {
        case .cancelled: .cancelled
        case .bodyTooLarge: .malformed
        default: .transport
        }
    }

    private func attempt(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPError> {
        do throws(HTTPError) {
            return .success(try await http.perform(request))
        } catch {
            return .failure(error)
        }
    }

    private func request(
        _ call: AWSCall, with credentials: Credentials?, timestampMs: Int64
    ) throws(AWSError) -> HTTPRequest {
        var headers = call.headers
        if let credentials {
            headers += try signer(for: call.service).sign(
                method: call.method, url: call.url, headers: call.headers,
                payloadSHA256Hex: SHA256.hex(bytes: call.body), credentials: credentials,
                timestampMs: timestampMs)
        }
        return HTTPRequest(
            method: call.method, url: call.url, headers: headers, body: call.body,
            timeoutMs: patience.attemptTimeoutMs, bodyLimitBytes: call.answerLimitBytes, acceptGzip: true)
    }

    private func signer(for service: AWSService) -> SigV4Signer {
        state.withLock { state in
            if let known = state.signers[service.signingName] { return known }
            let made = SigV4Signer(
                region: region, service: service.signingName, normalizesPath: service != .s3)
            state.signers[service.signingName] = made
            return made
        }
    }

    private func message(of fault: ServiceFault) -> String {
        let said = fault.message.isEmpty ? fault.name : "\(fault.name): \(fault.message)"
        let told = "\(said) (HTTP \(fault.status))"
        guard case .otherRegion(let other) = fault.code else { return told }
        return "\(told); the bucket is in \(other), and \(region) was asked"
    }
}
