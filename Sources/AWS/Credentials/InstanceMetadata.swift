internal import HTTPTransport
internal import Platform

/// EC2's instance metadata, by IMDSv2: AWS' page "Retrieve instance metadata".
struct InstanceMetadata: Sendable {
    private static let credentialsPath = "/latest/meta-data/iam/security-credentials/"
    /// The longest a token may be asked for; it is used for the few requests of one visit.
    private static let tokenSeconds = "21600"

    private let http: any HTTPPerforming
    private let base: String
    private let allowsVersion1: Bool
    private let timeoutMs: Int64
    private let attempts: Int

    /// `profile` are the settings of the profile in use, which may say the same as the variables.
    init(
        environment: [String: String], profile: [String: String], http: any HTTPPerforming
    ) throws(AWSError) {
        func value(_ name: String) -> String? {
            [environment["AWS_\(name.uppercased())"], profile[name]].compactMap { $0 }.first { !$0.isEmpty }
        }
        self.http = http
        allowsVersion1 = value("ec2_metadata_v1_disabled")?.lowercased() != "true"
        // Both as in botocore: one second and one try.
        let seconds = value("metadata_service_timeout").flatMap { Int64($0) } ?? 1
        timeoutMs = max(1, min(seconds, 60)) * 1_000
        attempts = max(1, min(value("metadata_service_num_attempts").flatMap { Int($0) } ?? 1, 10))
        let isIPv6 = value("ec2_metadata_service_endpoint_mode")?.lowercased() == "ipv6"
        let standard = isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
        var url = value("ec2_metadata_service_endpoint") ?? standard
        while url.hasSuffix("/") { url.removeLast() }
        if let fault = AWSEndpoint.fault(ofBase: url) {
            throw AWSError(
                .malformed, message: "AWS_EC2_METADATA_SERVICE_ENDPOINT \(fault)", operation: Self.place)
        }
        base = url
    }

    static func isDisabled(_ environment: [String: String]) -> Bool {
        environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true"
    }

    /// The credentials of the instance's role.
    func credentials() async throws(AWSError) -> FetchedCredentials {
        let token = try await token()
        let list = try await get(Self.credentialsPath, token)
        guard list.status == 200 else {
            throw fault(
                list.status == 404
                    ? "the instance has no role (no instance profile is attached)" : said(list),
                status: list.status)
        }
        let names = String(decoding: list.body.bytes.prefix(4_096), as: UTF8.self)
        guard let role = names.split(whereSeparator: \.isNewline).first, Self.isRoleName(role) else {
            throw fault("the list of roles is empty or no list")
        }
        let answer = try await get(Self.credentialsPath + role, token)
        guard answer.status == 200 else {
            throw fault("role \(role): \(said(answer))", status: answer.status)
        }
        guard let document = CredentialDocument(answer.body.bytes) else {
            throw fault("role \(role): the answer is not the JSON expected")
        }
        guard document.code == nil || document.code == "Success" else {
            let code = (document.code ?? "").filter { $0.isASCII && $0.isLetter }.prefix(64)
            throw fault("role \(role): the service says \(code)")
        }
        switch document.credentials() {
        case .success(let credentials):
            return FetchedCredentials(credentials: credentials, dateMs: ServiceFault.dateMs(of: answer))
        case .failure(let missing): throw fault("role \(role): the answer has no \(missing.field)")
        }
    }

    /// The instance's region, or nil when it is no region that is said.
    func region() async throws(AWSError) -> String? {
        let answer = try await get("/latest/meta-data/placement/region", try await token())
        guard answer.status == 200 else { throw fault(said(answer), status: answer.status) }
        let text = String(decoding: answer.body.bytes.prefix(64), as: UTF8.self)
        return AWSRegion.isRegion(text) ? text : nil
    }

    /// The session's token; nil where only version 1 answers and is allowed.
    private func token() async throws(AWSError) -> String? {
        let request = HTTPRequest(
            method: .put, url: base + "/latest/api/token",
            headers: [
                HTTPHeader(name: "X-aws-ec2-metadata-token-ttl-seconds", value: Self.tokenSeconds)
            ], timeoutMs: timeoutMs, bodyLimitBytes: 4_096)
        let why: String
        do throws(HTTPError) {
            let answer = try await perform(request)
            if answer.status == 200 {
                let text = String(decoding: answer.body.bytes, as: UTF8.self)
                guard !text.isEmpty, CredentialDocument.isHeaderValue(text) else {
                    throw HTTPError(.malformedResponse, "the token is empty or no header value")
                }
                return text
            }
            guard [403, 404, 405].contains(answer.status) else { throw HTTPError(.other, said(answer)) }
            why = "it gives no token (\(said(answer)))"
        } catch {
            guard error.code == .timeout else { throw fault(error.message, error) }
            // The answer to the PUT carries the hop limit as its time to live.
            why =
                "its token did not come within \(timeoutMs / 1_000) s, as in a container when the instance's "
                + "HttpPutResponseHopLimit is 1 (set it to 2)"
        }
        guard allowsVersion1 else { throw fault("\(why), and AWS_EC2_METADATA_V1_DISABLED is set") }
        return nil
    }

    private func get(_ path: String, _ token: String?) async throws(AWSError) -> HTTPResponse {
        let headers = token.map { [HTTPHeader(name: "X-aws-ec2-metadata-token", value: $0)] } ?? []
        do throws(HTTPError) {
            let answer = try await perform(
                HTTPRequest(
                    url: base + path, headers: headers, timeoutMs: timeoutMs,
                    bodyLimitBytes: CredentialDocument.limitBytes))
            if answer.status == 401, token == nil {
                throw HTTPError(
                    .other,
                    "it takes requests with a token only (IMDSv2), and the token could not be had: in a "
                        + "container, set the instance's HttpPutResponseHopLimit to 2")
            }
            return answer
        } catch {
            throw fault(error.message, error)
        }
    }

    /// Tries again at once: what is asked is on the same machine.
    private func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        var left = attempts
        while true {
            left -= 1
            do throws(HTTPError) {
                let answer = try await http.perform(request)
                if answer.status < 500 || left == 0 { return answer }
            } catch {
                if left == 0 || error.code == .cancelled || error.code == .shutDown { throw error }
            }
        }
    }

    private func said(_ answer: HTTPResponse) -> String { "HTTP \(answer.status)" }

    /// IAM's characters for names; anything else could make another path.
    private static func isRoleName(_ text: Substring) -> Bool {
        text.utf8.count <= 128
            && text.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                        || "+=,.@_-".unicodeScalars.contains($0))
            }
    }

    private static let place = "EC2 instance metadata"

    /// `error` is why there was no answer, which may pass, as an answer with a `status` of 5xx may.
    private func fault(_ message: String, _ error: HTTPError? = nil, status: Int = 0) -> AWSError {
        let isCancelled = error?.code == .cancelled || error?.code == .shutDown
        return AWSError(
            isCancelled ? .cancelled : .noCredentials, message: message, operation: Self.place,
            isTransient: error != nil || status >= 500)
    }
}
