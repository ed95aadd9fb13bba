import Logging
import Platform
import Synchronization

/// Tells the service manager that has started the process how the agent is, as sd_notify(3) has it: systemd,
/// for a unit with `Type=notify`. Where NOTIFY_SOCKET is not set nobody is told.
///
/// No call waits. What the manager has no room for now is sent again, in the order in which it was told.
final class ServiceNotifier: Sendable {
    private struct State {
        var isReloading = false
        var isStopping = false
        /// What the last reload came to.
        var reload = ""
        /// What the last status began with.
        var condition = ""
        /// The last status that was sent.
        var shown = ""
        /// Messages that the manager had no room for, the oldest first.
        var unsent: [[NotifySocket.Line]] = []
        var isFaultKnown = false
    }

    /// The variables by which a manager says how it wants to be told. They are about this process alone, so
    /// none that it starts may have them.
    static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
    /// How often the status is told, where no watchdog asks for more.
    private static let intervalMs: Int64 = 30_000
    /// After this time what the manager had no room for is sent again.
    private static let retryMs: Int64 = 100
    /// More than ever wait, unless the manager has stood still for long.
    private static let unsentLimit = 32

    private let socket: NotifySocket
    private let clock: any AgentClock
    private let logger: Logger
    /// Half of the time within which the manager wants a sign of life; nil when it wants none.
    let watchdogMs: Int64?
    private let state = Mutex(State())
    /// Signalled when something could not be sent for now.
    private let behind = Event()

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
    func ready() { tell([.ready, .status("scraping")]) }

    /// The configuration is being read again, or taken up.
    func reloading() {
        let isNew = state.withLock { state in
            defer { state.isReloading = true }
            return !state.isReloading && !state.isStopping
        }
        if isNew { tell([.reloading(atUs: clock.monotonicNs / 1_000)]) }
    }

    /// A reload is over, and this is what came of it.
    func reloaded(_ outcome: String) {
        let message = state.withLock { state -> [NotifySocket.Line]? in
            guard !state.isStopping else { return nil }
            defer { state.isReloading = false }
            state.reload = outcome
            state.shown = Self.status(state)
            return (state.isReloading ? [.ready] : []) + [.status(state.shown)]
        }
        if let message { tell(message) }
    }

    /// The agent goes on sending for at most `flushMs` milliseconds, and ends. Nothing is told afterwards.
    func stopping(flushMs: Int64) {
        // The buffer is closed after the last request, which writes to a disk that may be slow.
        let us = UInt64(clamping: flushMs) &+ 10_000
        let (limitUs, overflows) = us.multipliedReportingOverflow(by: 1_000)
        let isNew = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isNew else { return }
        tell([.stopping, .status("stopping"), .extendTimeout(us: overflows ? .max : limitUs)])
    }

    /// Until cancelled: tells every so often how the agent is, and, where that is wanted, that it is alive.
    /// `pulse` returns when what must not stand still has moved since it was called. When it does not return
    /// the manager hears nothing, and does with the process what its unit says.
    func run(pulse: @Sendable () async -> Void, condition: @Sendable () -> String) async {
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

    private func beat(_ condition: String) {
        let isWatched = watchdogMs != nil
        let message = state.withLock { state -> [NotifySocket.Line] in
            guard !state.isStopping else { return [] }
            state.condition = condition
            let status = Self.status(state)
            defer { state.shown = status }
            return (isWatched ? [.watchdog] : []) + (status == state.shown ? [] : [.status(status)])
        }
        tell(message)
    }

    private static func status(_ state: State) -> String {
        [state.condition, state.reload].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// Sends what waits and then this, as far as the manager has room.
    private func tell(_ message: [NotifySocket.Line]) {
        // Sending does not wait, so the lock is held for it: messages go in the order they are told.
        let fault = state.withLock { state -> NotifySocket.Fault? in
            if !message.isEmpty { state.unsent.append(message) }
            do throws(NotifySocket.Fault) {
                while let first = state.unsent.first {
                    try socket.send(first)
                    state.unsent.removeFirst()
                }
                state.isFaultKnown = false
                return nil
            } catch {
                if error.isForNow {
                    state.unsent.removeFirst(max(0, state.unsent.count - Self.unsentLimit))
                } else {
                    state.unsent = []
                }
                defer { if !error.isForNow { state.isFaultKnown = true } }
                return error.isForNow || !state.isFaultKnown ? error : nil
            }
        }
        guard let fault else { return }
        if fault.isForNow { return behind.signal() }
        logger.warning("the service manager is not told how the agent is: \(fault.message)")
    }
}
