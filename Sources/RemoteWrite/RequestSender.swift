import Addresses
internal import AWS
internal import Configuration
internal import HTTPTransport
internal import Platform

/// Makes the HTTP request of one try and reads its answer.
struct RequestSender: Sendable {
    /// How a try ended, and what to say about it.
    enum Outcome: Sendable {
        case answer(ReceiverAnswer, text: String)
        /// The agent is stopping: the request stays as it is.
        case stopped
    }

    private let url: String
    private let isAMP: Bool
    private let timeoutMs: Int64
    private let followsRedirects: Bool
    private let spreadsOverAddresses: Bool
    private let http: any HTTPPerforming
    private let credentials: (any CredentialsProvider)?
    private let isSigned: Bool
    private let heads: Heads
    private let clock: any AgentClock

    /// What the requests of one message have in common.
    private struct Head {
        let headers: [HTTPHeader]
        /// nil where requests are not signed, or no region is known.
        let signing: Result<(signer: SigV4Signer, template: SigningTemplate), AWSError>?

        init(_ message: WriteMessage, _ own: [HTTPHeader], url: String, _ signer: SigV4Signer?) {
            let headers =
                [
                    HTTPHeader(name: "Content-Encoding", value: "snappy"),
                    HTTPHeader(name: "Content-Type", value: message.contentType),
                    HTTPHeader(name: "X-Prometheus-Remote-Write-Version", value: message.version),
                ] + own
            self.headers = headers
            signing = signer.map { signer in
                do throws(AWSError) {
                    let template = try signer.template(method: .post, url: url, headers: headers)
                    return .success((signer, template))
                } catch {
                    return .failure(error)
                }
            }
        }
    }

    private struct Heads {
        let v1, v2: Head

        init(_ own: [HTTPHeader], url: String, _ signer: SigV4Signer?) {
            v1 = Head(.v1, own, url: url, signer)
            v2 = Head(.v2, own, url: url, signer)
        }

        subscript(_ message: WriteMessage) -> Head {
            switch message {
            case .v1: v1
            case .v2: v2
            }
        }
    }

    /// An answer's body only explains a refusal.
    private static let answerLimitBytes = 1 << 20

    init(
        _ configuration: RemoteWriteConfiguration, http: any HTTPPerforming,
        credentials: (any CredentialsProvider)?, region: String?, clock: any AgentClock
    ) {
        url = configuration.url
        isAMP = SampleAge.isAMP(configuration.url)
        timeoutMs = configuration.remoteTimeoutMs
        spreadsOverAddresses = configuration.roundRobinDNS
        // A signature holds for one URL.
        followsRedirects = configuration.http.followRedirects && configuration.sigv4 == nil
        self.http = http
        self.clock = clock
        self.credentials = credentials
        isSigned = configuration.sigv4 != nil
        // Configuration refuses custom headers with these names and those of the message (remote write
        // demands them as they are). The client adds Host, Content-Length and User-Agent.
        let headers = configuration.headers.map { HTTPHeader(name: $0.name, value: $0.value) }
        let region = configuration.sigv4?.region ?? region
        let signer = configuration.sigv4.flatMap { block in
            region.map { SigV4Signer(region: $0, service: block.serviceName) }
        }
        heads = Heads(headers, url: configuration.url, signer)
    }

    /// One try. Signed anew each time, as a signature holds for minutes only. `leaves` is called when the
    /// request is about to be handed to its connection.
    func send(
        _ request: PreparedRequest, skewMs: Int64, leaves: @Sendable () -> Void = {}
    ) async -> Outcome {
        let head = heads[request.message]
        var headers = head.headers
        var used: Credentials?
        if isSigned {
            guard let signing = head.signing else {
                return .answer(.unsigned, text: "no region to sign for: set sigv4.region or AWS_REGION")
            }
            guard let credentials else {
                return .answer(.unsigned, text: "no source of credentials to sign with")
            }
            do throws(AWSError) {
                let current = try await credentials.credentials()
                let (signer, template) = try signing.get()
                headers += signer.sign(
                    template, payloadSHA256Hex: request.payloadHash, credentials: current,
                    timestampMs: clock.wallMs + skewMs)
                used = current
            } catch {
                return Task.isCancelled ? .stopped : .answer(.unsigned, text: "not signed: \(error.message)")
            }
        }
        do throws(HTTPError) {
            var post = HTTPRequest(
                method: .post, url: url, headers: headers, body: request.body, timeoutMs: timeoutMs,
                bodyLimitBytes: Self.answerLimitBytes, followRedirects: followsRedirects)
            // The status decides: what is wrong with the body behind it must not send the request again.
            post.requiresBody = false
            post.spreadsOverAddresses = spreadsOverAddresses
            leaves()
            let response = try await http.perform(post)
            let answer = ReceiverAnswer(response, isAMP: isAMP, wallMs: clock.wallMs)
            if let used, case .status(let answered) = answer, answered.meaning == .unauthorized {
                await credentials?.reject(used)
            }
            return .answer(answer, text: Self.text(response))
        } catch {
            if error.code == .cancelled || error.code == .shutDown { return .stopped }
            return .answer(ReceiverAnswer(error), text: error.message)
        }
    }

    /// A line for logs and pages: the status, the beginning of the body and where a redirect leads, without
    /// control characters.
    private static func text(_ response: HTTPResponse) -> String {
        // No body, as with every 2xx, whose body the client leaves out: nothing to quote.
        if response.body.count == 0, !(300..<400).contains(response.status) {
            return "status \(response.status)"
        }
        let said = ReceiverAnswer.text(response)
        // Behind it a refused signature repeats the request, session token included.
        let end = said.firstRange(of: "The Canonical String")?.lowerBound ?? said.endIndex
        let body = printable(String(said[..<end]))
        let answer = body.isEmpty ? "status \(response.status)" : "status \(response.status): \(body)"
        guard (300..<400).contains(response.status), let location = response.headers["location"] else {
            return answer
        }
        return "\(answer); it redirects to \(printable(HTTPURL.shown(reference: location)))"
    }

    private static func printable(_ text: String) -> String {
        text.unicodeScalars.prefix(256).map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7F ? " " : String(scalar)
        }.joined()
    }
}
