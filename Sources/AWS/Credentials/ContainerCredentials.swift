internal import HTTPTransport
internal import Platform

/// Asks a container's credential endpoint: the ECS agent, the EKS pod identity agent, or what a test puts in
/// their place.
struct ContainerCredentials: Sendable {
    /// As in botocore: the endpoint is on the same machine.
    private static let timeoutMs: Int64 = 2_000
    private static let attempts = 3
    private static let pauseMs: Int64 = 1_000

    let endpoint: ContainerEndpoint
    let http: any HTTPPerforming
    let clock: any AgentClock
    /// The text of a file, read off the cooperative pool.
    let contents: @Sendable (String) async throws(AWSError) -> String

    func credentials() async throws(AWSError) -> FetchedCredentials {
        var headers: [HTTPHeader] = [HTTPHeader(name: "Accept", value: "application/json")]
        // Read anew each time: the EKS agent replaces it every few hours.
        if let file = endpoint.tokenFile {
            headers.append(try authorization(try await contents(file), from: file))
        } else if let token = endpoint.token {
            headers.append(try authorization(token, from: "AWS_CONTAINER_AUTHORIZATION_TOKEN"))
        }
        let request = HTTPRequest(
            url: endpoint.url, headers: headers, timeoutMs: Self.timeoutMs,
            bodyLimitBytes: CredentialDocument.limitBytes)
        for attempt in 1... {
            let failure: AWSError
            switch await attempted(request) {
            case .success(let answer):
                if answer.status == 200 { return try read(answer) }
                failure = refusal(answer)
                guard answer.status >= 500 || answer.status == 429 else { throw failure }
            case .failure(let error):
                let isEnd = error.code == .cancelled || error.code == .shutDown
                let isLate = error.code == .timeout
                failure = AWSError(
                    isEnd ? .cancelled : .noCredentials,
                    message: isLate
                        ? "no answer within \(Self.timeoutMs / 1_000) s" : error.what,
                    operation: place, isTransient: true)
                if isEnd { throw failure }
            }
            if attempt == Self.attempts { throw failure }
            do { try await clock.sleep(forMs: Self.pauseMs) } catch {
                throw AWSError(.cancelled, message: "cancelled between two attempts", operation: place)
            }
        }
        preconditionFailure("the last attempt returns or throws")
    }

    private func attempted(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPError> {
        do throws(HTTPError) {
            return .success(try await http.perform(request))
        } catch {
            return .failure(error)
        }
    }

    private var place: String { "container credentials at \(endpoint.place)" }

    private func authorization(_ text: String, from source: String) throws(AWSError) -> HTTPHeader {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), !text.isEmpty else {
            throw AWSError(
                .noCredentials, message: "the authorization token of \(source) is empty or has line ends",
                operation: place)
        }
        return HTTPHeader(name: "Authorization", value: text)
    }

    private func read(_ answer: HTTPResponse) throws(AWSError) -> FetchedCredentials {
        guard let document = CredentialDocument(answer.body.bytes) else {
            throw AWSError(.noCredentials, message: "the answer is not the JSON expected", operation: place)
        }
        switch document.credentials() {
        case .success(let credentials):
            return FetchedCredentials(credentials: credentials, dateMs: ServiceFault.dateMs(of: answer))
        case .failure(let missing):
            throw AWSError(
                .noCredentials, message: "the answer has no \(missing.field)", operation: place)
        }
    }

    private func refusal(_ answer: HTTPResponse) -> AWSError {
        // The body's code is a word; its message is the agent's own and may repeat the path.
        let code = CredentialDocument(answer.body.bytes)?.code ?? ""
        let word = code.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(64)
        let hint =
            answer.status == 401 || answer.status == 403
            ? " (is the authorization token the right one?)"
            : answer.status == 404 || answer.status == 400 ? " (does the task have a task role?)" : ""
        return AWSError(
            .noCredentials, message: "HTTP \(answer.status)\(word.isEmpty ? "" : " \(word)")\(hint)",
            operation: place, isTransient: answer.status >= 500 || answer.status == 429)
    }
}
