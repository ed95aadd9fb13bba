/// When credentials are used, fetched anew, waited for or given up; decides, does nothing.
///
/// They are fetched well before they expire, in the background, while the old ones serve until they really
/// expire. Time is the monotonic clock's, so that a step of the wall clock moves nothing.
struct RefreshSchedule {
    enum Action: Equatable {
        case use(Credentials)
        /// Begin to fetch, and use these meanwhile.
        case useAndFetch(Credentials)
        case fetchAndWait
        /// Somebody fetches: ask again when that is done.
        case wait
        case fail(AWSError)
    }

    /// What is to be said about a fetch that succeeded.
    enum Note: Equatable {
        case nothing
        /// The first success after failures.
        case recovered
        /// The giver handed out credentials that are over already by its own clock; they are used all the
        /// same, as AWS advises for a metadata service in trouble.
        case expired
    }

    /// As long before the end as botocore begins to try (15 minutes) to as long as it insists (10).
    static let marginMs = 600_000.0
    static let marginSpreadMs = 300_000.0
    /// Giving the same credentials again, the source has not rotated yet: asked again this much later.
    static let unchangedMs = 60_000.0
    static let firstRetryMs = 1_000.0
    static let retryLimitMs = 60_000.0
    /// A refusal right after a fetch does not make another: the service refuses for another reason.
    static let refusalPauseMs: Int64 = 10_000

    private struct Held {
        var credentials: Credentials
        var plan: CredentialPlan
        var fetchedNs: UInt64
        /// Nil: never, as nothing expires.
        var refreshNs: UInt64?
        var expiresNs: UInt64?
        /// How long they had been over when they came.
        var overMs: Int64?
        var isRefused = false
    }

    private(set) var plan: CredentialPlan?
    private var held: Held?
    private(set) var isFetching = false
    private var failures = 0
    private var nextAttemptNs: UInt64 = 0
    private var lastError: AWSError?

    /// What would be used now, refused or not.
    func usable(nowNs: UInt64) -> Credentials? {
        guard let held, held.expiresNs.map({ nowNs < $0 }) ?? true else { return nil }
        return held.credentials
    }

    /// Milliseconds until what is held expires; negative when it was handed out expired.
    func remainingMs(nowNs: UInt64) -> Int64? {
        if let held, let overMs = held.overMs {
            return -overMs - Int64((max(nowNs, held.fetchedNs) - held.fetchedNs) / 1_000_000)
        }
        guard let expiresNs = held?.expiresNs else { return nil }
        return expiresNs > nowNs ? Int64((expiresNs - nowNs) / 1_000_000) : 0
    }

    /// Environment and files have been looked at and come to this.
    mutating func planned(_ plan: CredentialPlan, nowNs: UInt64) {
        let hasChanged = self.plan != plan
        self.plan = plan
        if hasChanged {
            failures = 0
            nextAttemptNs = 0
        }
        if case .keys(let credentials, _) = plan {
            held = Held(credentials: credentials, plan: plan, fetchedNs: nowNs)
        } else if hasChanged, held != nil {
            held?.refreshNs = nowNs
        }
    }

    /// Somebody wants credentials; a plan has been made before.
    mutating func wanted(nowNs: UInt64) -> Action {
        if let held, let credentials = usable(nowNs: nowNs) {
            if held.isRefused {
                if isFetching { return .wait }
                guard nowNs >= nextAttemptNs else { return .use(credentials) }
                isFetching = true
                return .fetchAndWait
            }
            guard let refreshNs = held.refreshNs, nowNs >= refreshNs, nowNs >= nextAttemptNs, !isFetching
            else { return .use(credentials) }
            isFetching = true
            return .useAndFetch(credentials)
        }
        if isFetching { return .wait }
        if nowNs < nextAttemptNs, let lastError { return .fail(lastError) }
        isFetching = true
        return .fetchAndWait
    }

    /// The fetch that was begun gave these. `random` is in 0..<1.
    mutating func fetched(
        _ fetched: FetchedCredentials, by plan: CredentialPlan, nowNs: UInt64, wallMs: Int64, random: Double
    ) -> Note {
        let isUnchanged = held?.credentials == fetched.credentials
        let hadFailed = failures > 0
        isFetching = false
        failures = 0
        nextAttemptNs = 0
        lastError = nil
        var fresh = Held(credentials: fetched.credentials, plan: plan, fetchedNs: nowNs)
        defer { held = fresh }
        if plan != self.plan { fresh.refreshNs = nowNs }
        guard let remainingMs = fetched.remainingMs(wallMs: wallMs) else {
            return hadFailed ? .recovered : .nothing
        }
        guard remainingMs > 0 else {
            // Good until somebody says otherwise; asked again in five to ten minutes.
            fresh.refreshNs = nowNs + Self.ns(300_000 * (1 + random))
            // A year bounds the sum.
            fresh.overMs = min(-max(remainingMs, -31_536_000_000), 31_536_000_000)
            return .expired
        }
        // A year bounds the sum.
        let lifeMs = Double(min(remainingMs, 31_536_000_000))
        fresh.expiresNs = nowNs + Self.ns(lifeMs)
        let fullMarginMs = Self.marginMs + random * Self.marginSpreadMs
        var waitMs = lifeMs - min(fullMarginMs, lifeMs * (0.25 + random * 0.1))
        if isUnchanged, lifeMs <= fullMarginMs + Self.unchangedMs {
            waitMs = min(Self.unchangedMs * (0.5 + random / 2), lifeMs / 2)
        }
        if fresh.refreshNs == nil { fresh.refreshNs = nowNs + Self.ns(waitMs) }
        return hadFailed ? .recovered : .nothing
    }

    /// The fetch that was begun failed. True when it is the first failure in a row, which is to be said.
    mutating func failed(_ error: AWSError, nowNs: UInt64, random: Double) -> Bool {
        isFetching = false
        guard error.code != .cancelled else {
            // The process is ending: whoever still asks is told so, and does not ask in a circle.
            lastError = error
            nextAttemptNs = nowNs + Self.ns(Self.firstRetryMs)
            return false
        }
        failures += 1
        lastError = error
        var fullMs = Self.firstRetryMs
        for _ in 1..<min(failures, 10) { fullMs *= 2 }
        nextAttemptNs = nowNs + Self.ns(min(fullMs, Self.retryLimitMs) * (0.5 + random / 2))
        // What was refused and cannot be replaced is shown again: the refusal may have had another cause.
        held?.isRefused = false
        if held?.expiresNs != nil || held?.refreshNs != nil { held?.refreshNs = nowNs }
        return failures == 1
    }

    /// A service refused these.
    mutating func refused(_ credentials: Credentials, nowNs: UInt64) {
        guard var held, held.credentials == credentials else { return }
        held.isRefused = true
        let pauseNs = held.fetchedNs + Self.ns(Double(Self.refusalPauseMs))
        if failures == 0 { nextAttemptNs = max(nextAttemptNs, pauseNs) }
        self.held = held
    }

    private static func ns(_ ms: Double) -> UInt64 { UInt64(max(0, ms)) * 1_000_000 }
}
