public import HTTPTransport
public import Logging
public import Platform
import Synchronization

/// Credentials from wherever the SDKs would find them, always good: fetched once for all who ask, ahead of
/// their end, and again when a service refuses them. Thread-safe; cheap to call before every request.
///
/// Make one for each identity and keep it; `AWSAccess` does.
public final class CredentialChain: CredentialsProvider {
    /// Environment and files are looked at no more often than this.
    private static let lookIntervalNs: UInt64 = 1_000_000_000

    private struct State {
        var schedule = RefreshSchedule()
        var lookedAtNs: UInt64?
        var passedOver: [String] = []
        var hasPlanFailed = false
        var refreshes: UInt64 = 0
        var failures: UInt64 = 0
    }

    private let planner: CredentialPlanner
    private let fetcher: CredentialFetcher
    private let files: SharedFiles
    private let settings: AWSSettings
    private let clock: any AgentClock
    private let logger: Logger
    private let random: @Sendable () -> Double
    private let state = Mutex(State())
    /// Signalled when a fetch has ended, after the state says so.
    private let fetchEnded = Event()

    public convenience init(
        _ configuration: CredentialConfiguration = CredentialConfiguration(), environment: [String: String],
        files: any FileDoor, http: any HTTPPerforming, clock: any AgentClock, logger: Logger
    ) {
        self.init(
            configuration, environment: environment,
            shared: SharedFiles(environment: environment, files: files, clock: clock), files: files,
            http: http, clock: clock, logger: logger)
    }

    init(
        _ configuration: CredentialConfiguration, environment: [String: String], shared: SharedFiles,
        files: any FileDoor, http: any HTTPPerforming, clock: any AgentClock,
        patience: CallPatience = CallPatience(), logger: Logger,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        planner = CredentialPlanner(
            configuration: configuration, environment: environment, files: shared)
        settings = AWSSettings(
            environment: environment, files: shared, profileName: planner.profileName)
        fetcher = CredentialFetcher(
            configuration: configuration, settings: settings, http: http, files: files, clock: clock,
            patience: patience, logger: logger)
        self.files = shared
        self.clock = clock
        self.logger = logger
        self.random = random
    }

    public func credentials() async throws(AWSError) -> Credentials {
        while true {
            try await look()
            // Read before it is decided to wait: a fetch that ends after the decision is not missed.
            let seen = fetchEnded.count
            let action = state.withLock { $0.schedule.wanted(nowNs: clock.monotonicNs) }
            switch action {
            case .use(let credentials): return credentials
            case .useAndFetch(let credentials):
                beginFetch()
                return credentials
            case .fetchAndWait:
                beginFetch()
                try await waitForFetch(after: seen)
            case .wait: try await waitForFetch(after: seen)
            case .fail(let error): throw error
            }
        }
    }

    public func reject(_ refused: Credentials) async {
        files.lookAgain()
        state.withLock { state in
            state.lookedAtNs = nil
            state.schedule.refused(refused, nowNs: clock.monotonicNs)
        }
    }

    /// Where the credentials in use come from, in words without a secret; nil before the first were asked
    /// for.
    public var source: String? { state.withLock { $0.schedule.plan?.description } }

    /// Milliseconds until the credentials in use expire, negative when they were handed out expired; nil when
    /// they do not, or nobody said.
    public var remainingMs: Int64? {
        state.withLock { $0.schedule.remainingMs(nowNs: clock.monotonicNs) }
    }

    /// How often credentials were fetched and how often that failed.
    var counts: (refreshes: UInt64, failures: UInt64) { state.withLock { ($0.refreshes, $0.failures) } }

    /// The region of the profile in use; nil when it names none.
    public func profileRegion() async throws(AWSError) -> String? {
        try await settings.profile()["region"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Makes the plan anew when the last look is long enough ago.
    private func look() async throws(AWSError) {
        let nowNs = clock.monotonicNs
        let isDue = state.withLock { state in
            if let last = state.lookedAtNs, nowNs < last + Self.lookIntervalNs { return false }
            state.lookedAtNs = nowNs
            return true
        }
        guard isDue else {
            // Somebody else looks for the first time just now, or looked and failed.
            guard state.withLock({ $0.schedule.plan == nil }) else { return }
            return try await plan()
        }
        do throws(AWSError) {
            try await plan()
        } catch {
            // A file half written or gone for a moment: what is held serves on.
            let (isUsable, isFirst) = state.withLock { state in
                defer { state.hasPlanFailed = true }
                return (state.schedule.usable(nowNs: nowNs) != nil, !state.hasPlanFailed)
            }
            guard isUsable else { throw error }
            if isFirst {
                logger.warning(
                    "AWS credentials cannot be looked up again; the last ones serve on",
                    metadata: ["err": "\(error)"])
            }
        }
    }

    private func plan() async throws(AWSError) {
        let result = try await planner.plan()
        state.withLock { state in
            state.schedule.planned(result.plan, nowNs: clock.monotonicNs)
            state.passedOver = result.passedOver
            state.hasPlanFailed = false
        }
    }

    /// A task of its own, as it serves whoever waits and none of them owns it; its end is bounded by the time
    /// limits of what it asks.
    private func beginFetch() {
        Task { await self.fetch() }
    }

    private func fetch() async {
        let (known, passedOver) = state.withLock { ($0.schedule.plan, $0.passedOver) }
        guard let plan = known else { preconditionFailure("nothing is fetched before there is a plan") }
        let said: (Logger.Level, Logger.Message, AWSError?)?
        do throws(AWSError) {
            let fetched = try await fetcher.fetch(plan)
            let note = state.withLock { state in
                state.refreshes += 1
                return state.schedule.fetched(
                    fetched, by: plan, nowNs: clock.monotonicNs, wallMs: clock.wallMs, random: random())
            }
            switch note {
            case .nothing: said = nil
            case .recovered: said = (.info, "AWS credentials were refreshed again", nil)
            case .expired: said = (.warning, "the AWS credentials given are expired; they are used", nil)
            }
        } catch {
            let whole = whole(error, plan: plan, passedOver)
            let (isFirst, isHeld) = state.withLock { state in
                if whole.code != .cancelled { state.failures += 1 }
                return (
                    state.schedule.failed(whole, nowNs: clock.monotonicNs, random: random()),
                    state.schedule.usable(nowNs: clock.monotonicNs) != nil
                )
            }
            said =
                !isFirst
                ? nil
                : isHeld
                    ? (.warning, "AWS credentials could not be refreshed; the old ones serve on", whole)
                    : (.error, "there are no AWS credentials", whole)
        }
        if let (level, text, error) = said {
            var metadata: Logger.Metadata = ["source": "\(plan.description)"]
            if let error { metadata["err"] = "\(error)" }
            logger.log(level: level, text, metadata: metadata)
        }
        fetchEnded.signal()
    }

    private func waitForFetch(after seen: UInt64) async throws(AWSError) {
        guard await fetchEnded.wait(after: seen) == .signalled else {
            throw AWSError(.cancelled, message: "cancelled while waiting", operation: "credentials")
        }
    }

    /// Instance metadata is what is left when nothing was set up: then the others' reasons are told too.
    private func whole(_ error: AWSError, plan: CredentialPlan, _ passedOver: [String]) -> AWSError {
        guard plan.base == .instanceMetadata, !passedOver.isEmpty, error.code == .noCredentials else {
            return error
        }
        return CredentialPlanner.nothing(passedOver + ["\(error)"], isTransient: error.mayPass)
    }
}
