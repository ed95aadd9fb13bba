internal import HTTPTransport

/// Whether and when a call is tried again; decides, does nothing. One value a call.
struct CallAttempts {
    enum Action: Equatable {
        case retry(afterMs: Int64)
        /// The service's clock differs: sign with this offset and try at once.
        case resign(offsetMs: Int64)
        /// The provider shall fetch credentials anew; then try at once.
        case refreshCredentials
        case giveUp
    }

    /// As the SDKs' standard mode.
    static let limit = 3
    /// Below it a refused signature has another cause than the clock: servers accept 5 minutes.
    static let skewFloorMs: Int64 = 240_000
    private static let capMs = 5_000.0

    private let unansweredLimit: Int
    private var failures = 0
    private var resigned = false
    private var refreshed = false

    /// `unansweredLimit` is how often a call is made that gets no answer.
    init(unansweredLimit: Int = CallAttempts.limit) { self.unansweredLimit = unansweredLimit }

    /// There was no answer. `random` is in 0..<1.
    mutating func failed(_ error: HTTPError, random: Double) -> Action {
        switch error.code {
        case .timeout, .resolve, .connect, .connectionReset, .truncated, .malformedResponse, .overloaded,
            .other,
            .badContentEncoding:
            retry(baseMs: 100, random: random, limit: unansweredLimit)
        case .tls, .bodyTooLarge, .tooManyRedirects, .badURL, .badRequest, .credentials, .cancelled,
            .shutDown:
            .giveUp
        }
    }

    /// The service refused. `signedMs` is the time the request was signed with, `offsetMs` what was in it
    /// already. What was not signed has neither a clock nor credentials to put right.
    mutating func refused(
        _ fault: ServiceFault, signedMs: Int64, offsetMs: Int64, isSigned: Bool = true, random: Double
    ) -> Action {
        if isSigned, fault.mayBeClockSkew, !resigned, let dateMs = fault.dateMs {
            let remainsMs = dateMs - signedMs
            if abs(remainsMs) >= Self.skewFloorMs {
                resigned = true
                return .resign(offsetMs: offsetMs + remainsMs)
            }
        }
        if isSigned, fault.mayBeExpired, !refreshed {
            refreshed = true
            return .refreshCredentials
        }
        if fault.isThrottling { return retry(baseMs: 500, random: random) }
        return fault.isTransient ? retry(baseMs: 100, random: random) : .giveUp
    }

    /// Doubled each time, capped, and between half and all of it, so that agents started together drift
    /// apart.
    private mutating func retry(
        baseMs: Double, random: Double, limit: Int = CallAttempts.limit
    ) -> Action {
        failures += 1
        guard failures < limit else { return .giveUp }
        var fullMs = baseMs
        for _ in 1..<failures { fullMs *= 2 }
        return .retry(afterMs: Int64(min(fullMs, Self.capMs) * (0.5 + random / 2)))
    }
}
