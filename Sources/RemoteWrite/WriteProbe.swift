public import AWS
public import Configuration
public import HTTPTransport
public import Platform

/// Sends one request without samples to a destination, with the headers and the signature of any other, and
/// judges the answer in the same way. So it shows whether the destination takes writes before there is
/// anything to write.
public enum WriteProbe {
    /// How the write ended.
    public enum Answer: Sendable, Equatable {
        /// `text` is a line: the status and the beginning of the body.
        case status(Int, text: String)
        /// The network, TLS, or time.
        case unreachable(String)
        /// There were no credentials, or no region, to sign with: nothing was sent.
        case unsigned(String)
        /// The request cannot be made as configured: nothing was sent.
        case unsendable(String)
        case cancelled
    }

    /// A block of snappy with nothing in it: the length 0. A WriteRequest without series has no bytes.
    static let emptyBody: [UInt8] = [0]
    /// Services take signatures of the last and the next five minutes.
    private static let skewFloorMs: Int64 = 240_000

    /// Writes once. Where the receiver refuses and its clock differs, it writes once more and signs with the
    /// receiver's time, as the agent does, so that the answer tells what is wrong besides the clock.
    ///
    /// `timeoutMs` bounds each of the two, where it is less than the destination's own.
    public static func ask(
        _ configuration: RemoteWriteConfiguration, http: any HTTPPerforming,
        credentials: (any CredentialsProvider)?, region: String?, clock: any AgentClock, timeoutMs: Int64
    ) async -> Answer {
        var bounded = configuration
        bounded.remoteTimeoutMs = min(configuration.remoteTimeoutMs, timeoutMs)
        let sender = RequestSender(
            bounded, http: http, credentials: credentials, region: region, clock: clock)
        let request = PreparedRequest.withoutSamples(emptyBody, of: 0, isSigned: true)
        let first = await sender.send(request, skewMs: 0)
        if case .answer(.status(let answer), _) = first, answer.meaning == .unauthorized,
            let serverMs = answer.serverMs
        {
            let (skewMs, overflows) = serverMs.subtractingReportingOverflow(clock.wallMs)
            if !overflows, skewMs.magnitude >= UInt64(skewFloorMs) {
                return Answer(await sender.send(request, skewMs: skewMs))
            }
        }
        return Answer(first)
    }
}

extension WriteProbe.Answer {
    init(_ outcome: RequestSender.Outcome) {
        switch outcome {
        case .stopped: self = .cancelled
        case .answer(.status(let answer), let text): self = .status(answer.status, text: text)
        case .answer(.unreachable, let text), .answer(.unconnected, let text): self = .unreachable(text)
        case .answer(.unsigned, let text): self = .unsigned(text)
        case .answer(.unsendable, let text): self = .unsendable(text)
        }
    }
}
