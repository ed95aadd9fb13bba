import Logging
import Platform
import Synchronization

/// Tells the service manager that has started the process how the agent is, as sd_notify(3) has it: systemd,
/// for a unit with `Type=notify`. Where NOTIFY_SOCKET is not set nobody is told.
///
/// No call waits. Of what the manager has no room for now, the steps of the service's life are sent again in
/// their order, of statuses only the last, and no sign of life: it would be one of a time that is over.
final class ServiceNotifier: Sendable {
    private struct State {
        var isReloading = false
        var isStopping = false
        /// What the last reload came to.
        var reload = ""
        /// What the last status began with.
        var condition = ""
        /// The last status that was told.
        var shown = ""
        /// Steps that the manager had no room for, the oldest first. Few: see `append`.
        var unsent: [[NotifySocket.Line]] = []
        /// That status, while it is not sent.
        var unsentStatus: String?
        var isFaultKnown = false

        /// Of reloads that are over, only the last is worth telling.
        mutating func append(_ step: [NotifySocket.Line]) {
            if case .reloading = step.first {
                let begun = unsent.firstIndex { if case .reloading = $0.first { true } else { false } }
                if let begun, begun + 1 < unsent.count { unsent.removeSubrange(begun...begun + 1) }
            }
            unsent.append(step)
        }

        mutating func tell(_ status: String) {
            shown = status
            unsentStatus = status
        }
    }

    /// The variables by which a manager says how it wants to be told. They are about this process alone, so
    /// none that it starts may have them.
    static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
    /// How often the status is told, where no watchdog asks for more.
    private static let intervalMs: Int64 = 30_000
    /// After this time what the manager had no room for is sent again.
    private static let retryMs: Int64 = 100

    private let socket: NotifySocket
    private let clock: any AgentClock
    private let logger: Logger
    /// Half of the time within which the manager wants a sign of life; nil when it wants none.
    let watchdogMs: Int64?
    private let state = Mutex(State())
    /// Signalled when something could not be sent for now.
    private let behind = Event()
    /// The start is over.
    private let begun = Event()

    /// Nil where the environment names no socket, or one that cannot be: that is logged.
    init?(environment: [String: String], processID: Int32, clock: any AgentClock, logger: Logger) {
        guard let variable = environment["NOTIFY_SOCKET"], !variable.isEmpty else { return nil }
        do throws(NotifySocket.Fault) {
            socket = try NotifySocket(variable)
        } catch {
            logger.warning("the service manager is told nothing: \(error.message)")
            return nil
        }
        watchdogMs = Self.watchdogMs(environment, processID: processID, logger)
        self.clock = clock
        self.logger = logger
    }

    private static func watchdogMs(
        _ environment: [String: String], processID: Int32, _ logger: Logger
    ) -> Int64? {
        guard let text = environment["WATCHDOG_USEC"], !text.isEmpty else { return nil }
        // The variables may be inherited from a process that is watched itself.
        if let owner = environment["WATCHDOG_PID"], !owner.isEmpty, Int32(owner) != processID { return nil }
        guard let us = UInt64(text), us > 0 else {
            logger.warning("WATCHDOG_USEC is no number of microseconds: the watchdog gets no signs of life")
            return nil
        }
        return max(1, Int64(clamping: us / 2_000))
    }

    /// The agent has begun its work.
    func ready() {
        update { state in
            state.append([.ready])
            state.tell("scraping")
        }
        begun.signal()
    }

    /// The configuration is being read again, or taken up.
    func reloading() {
        let nowUs = clock.monotonicNs / 1_000
        update { state in
            guard !state.isReloading, !state.isStopping else { return }
            state.isReloading = true
            state.append([.reloading(atUs: nowUs)])
        }
    }

    /// A reload is over, and this is what came of it.
    func reloaded(_ outcome: String) {
        update { state in
            guard !state.isStopping else { return }
            if state.isReloading { state.append([.ready]) }
            state.isReloading = false
            state.reload = outcome
            state.tell(Self.status(state))
        }
    }

    /// Whether `stopping` was told, or is to be told.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// The agent goes on sending for at most `flushMs` milliseconds, and ends. Nothing is told afterwards.
    func stopping(flushMs: Int64) {
        // The buffer is closed after the last request, which writes to a disk that may be slow.
        let us = UInt64(clamping: flushMs) &+ 10_000
        let (limitUs, overflows) = us.multipliedReportingOverflow(by: 1_000)
        update { state in
            guard !state.isStopping else { return }
            state.isStopping = true
            state.append([.stopping, .extendTimeout(us: overflows ? .max : limitUs)])
            state.tell("stopping")
        }
    }

    /// From the end of the start until cancelled: tells every so often how the agent is, and, where that is
    /// wanted, that it is alive. `pulse` returns when what must not stand still has moved since it was
    /// called. When it does not return the manager hears nothing, and does with the process what its unit
    /// says.
    func run(pulse: @Sendable () async -> Void, condition: @Sendable () -> String) async {
        await begun.wait()
        while true {
            let seen = behind.count
            await pulse()
            guard !Task.isCancelled else { return }
            beat(condition())
            let deadlineNs = clock.deadlineNs(inMs: min(watchdogMs ?? Self.intervalMs, Self.intervalMs))
            switch await behind.wait(after: seen, untilNs: deadlineNs, clock: clock) {
            case .deadline: break
            case .cancelled: return
            case .signalled:
                guard (try? await clock.sleep(forMs: Self.retryMs)) != nil else { return }
            }
        }
    }

    /// Until cancelled, or until the manager has been told all that it had no room for.
    func tellRest() async {
        while state.withLock({ !$0.unsent.isEmpty }) {
            guard (try? await clock.sleep(forMs: Self.retryMs)) != nil else { return }
            update { _ in }
        }
    }

    private func beat(_ condition: String) {
        update(isAlive: watchdogMs != nil) { state in
            guard !state.isStopping else { return }
            state.condition = condition
            let status = Self.status(state)
            if status != state.shown { state.tell(status) }
        }
    }

    private static func status(_ state: State) -> String {
        [state.condition, state.reload].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// Changes what is to be told, and tells it as far as the manager has room.
    private func update(isAlive: Bool = false, _ change: (inout State) -> Void) {
        // Sending does not wait, so the lock is held for it: messages go in the order they are told.
        let fault = state.withLock { state -> NotifySocket.Fault? in
            change(&state)
            do throws(NotifySocket.Fault) {
                try send(&state, isAlive: isAlive && !state.isStopping)
                state.isFaultKnown = false
                return nil
            } catch {
                guard !error.isForNow else { return error }
                // What was to be told is kept for a manager that comes back.
                defer { state.isFaultKnown = true }
                return state.isFaultKnown ? nil : error
            }
        }
        guard let fault else { return }
        if fault.isForNow { return behind.signal() }
        logger.warning("the service manager is not told how the agent is: \(fault.message)")
    }

    private func send(_ state: inout State, isAlive: Bool) throws(NotifySocket.Fault) {
        while let step = state.unsent.first {
            // The status is that of now: it goes with the last.
            let status = state.unsent.count == 1 ? state.unsentStatus : nil
            try socket.send(step + [status].compactMap { $0.map { .status($0) } })
            state.unsent.removeFirst()
            if status != nil { state.unsentStatus = nil }
        }
        let status = state.unsentStatus
        guard isAlive || status != nil else { return }
        try socket.send((isAlive ? [.watchdog] : []) + [status].compactMap { $0.map { .status($0) } })
        state.unsentStatus = nil
    }
}
