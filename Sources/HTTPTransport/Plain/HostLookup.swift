internal import Platform
import Synchronization

/// The addresses of names, which are looked up elsewhere and kept for a while. Transfer thread only.
struct HostLookup {
    /// What is known of a name.
    enum Answer: Equatable {
        /// In the order in which they are to be tried; never empty.
        case addresses([HostAddress])
        /// It could not be looked up just now.
        case failed
        /// It is being looked up, and `takeFound` will tell.
        case pending
        /// The same, and these are the addresses that it had before, never empty. They are good enough when
        /// the look-up takes longer than `patienceNs`.
        case expired([HostAddress])
    }

    /// As long as libcurl keeps what it has looked up.
    static let keptNs: UInt64 = 60_000_000_000
    /// Addresses that are older than this are not used, even while name servers are silent.
    static let oldestNs: UInt64 = 600_000_000_000
    /// What a look-up has before the addresses that the name had are used instead.
    static let patienceNs: UInt64 = 200_000_000
    /// A failure mostly ends soon; the targets of one name, and one target's next scrapes, need not each wait
    /// for silent name servers. Each further failure in a row is kept twice as long, up to `failedMostNs`.
    static let failedNs: UInt64 = 5_000_000_000
    static let failedMostNs: UInt64 = 60_000_000_000

    private struct Known {
        /// None when the last look-up failed.
        let addresses: [HostAddress]
        /// From then on the name is looked up anew when somebody asks for it.
        var untilNs: UInt64
        /// From then on the entry is of no use.
        let forgottenNs: UInt64
        /// Look-ups in a row that failed.
        let failures: Int
    }

    private let threads: LookupThreads
    private var known: [String: Known] = [:]
    /// Names that are being looked up, with the times at which that began.
    private var pending: [String: UInt64] = [:]

    init(_ threads: LookupThreads) { self.threads = threads }

    /// Names that are known or are being looked up.
    var count: Int { Set(known.keys).union(pending.keys).count }

    /// What is known of a name in lower case. What is not known, or was found too long ago, is looked up,
    /// once however many ask.
    mutating func look(_ name: String, nowNs: UInt64) -> Answer {
        let known = known[name]
        if let known, known.untilNs > nowNs {
            return known.addresses.isEmpty ? .failed : .addresses(known.addresses)
        }
        if pending[name] == nil {
            pending[name] = nowNs
            threads.ask(name, known.map { $0.addresses.isEmpty ? .failing : .resolved } ?? .new)
        }
        guard let known, !known.addresses.isEmpty, known.forgottenNs > nowNs else { return .pending }
        let sinceNs = pending[name] ?? nowNs
        return nowNs >= sinceNs + Self.patienceNs ? .addresses(known.addresses) : .expired(known.addresses)
    }

    /// The addresses that the last look-up of a name found, however long ago; none when it failed.
    func last(_ name: String) -> [HostAddress] { known[name]?.addresses ?? [] }

    /// No connection to the addresses of the name came about: it is looked up anew when somebody asks for it
    /// next. A look-up that failed is kept as long as ever.
    mutating func expire(_ name: String) {
        guard let entry = known[name], !entry.addresses.isEmpty else { return }
        known[name]?.untilNs = 0
    }

    /// The names that have been looked up since, with their addresses; without any where that failed.
    mutating func takeFound(nowNs: UInt64) -> [(name: String, addresses: [HostAddress])] {
        guard !pending.isEmpty else { return [] }
        let found = threads.take()
        for (name, addresses) in found {
            pending[name] = nil
            let failures = addresses.isEmpty ? (known[name]?.failures ?? 0) + 1 : 0
            known[name] = Known(
                addresses: addresses,
                untilNs: nowNs + (failures == 0 ? Self.keptNs : Self.failedNs(failures)),
                forgottenNs: nowNs + Self.oldestNs, failures: failures)
        }
        return found
    }

    /// How long the last of so many failures in a row is kept.
    private static func failedNs(_ failures: Int) -> UInt64 {
        min(failedNs << UInt64(min(failures - 1, 8)), failedMostNs)
    }

    /// Forgets what is too old to be used.
    mutating func prune(nowNs: UInt64) {
        known = known.filter { $0.value.forgottenNs > nowNs || pending[$0.key] != nil }
    }
}

/// Threads that look names up, so that a silent name server holds up nobody else. Each begins with a look-up
/// and ends when there is none left: an agent that scrapes addresses has none.
final class LookupThreads: Sendable {
    /// How the look-ups of a name have gone so far, in the order in which names that wait have their turn.
    enum Standing: Int, CaseIterable {
        /// The last look-up found addresses.
        case resolved
        /// There was none.
        case new
        /// The last look-up failed.
        case failing
    }

    /// More names than this wait for a thread. Where name servers answer it takes a millisecond.
    static let most = 16
    /// The threads that names whose last look-up failed may have. The others are left for all other names.
    static let mostFailing = 12

    private struct State {
        /// By standing.
        var waiting = [[String]](repeating: [], count: Standing.allCases.count)
        var running = 0
        /// Threads that look up a name whose last look-up failed.
        var runningFailing = 0
        var found: [(name: String, addresses: [HostAddress])] = []
    }

    private let state = Mutex(State())
    private let find: @Sendable (_ name: String) -> [HostAddress]
    private let whenFound: @Sendable () -> Void

    /// `find` blocks. `whenFound` is called, on a thread of these, when there is something to be taken.
    init(
        find: @escaping @Sendable (_ name: String) -> [HostAddress],
        whenFound: @escaping @Sendable () -> Void
    ) {
        self.find = find
        self.whenFound = whenFound
    }

    /// Puts the name in line for its look-up. `take` tells the result later; `whenFound` says when.
    func ask(_ name: String, _ standing: Standing) {
        let needsThread = state.withLock { state in
            state.waiting[standing.rawValue].append(name)
            guard state.running < Self.most else { return false }
            if standing == .failing, state.runningFailing >= Self.mostFailing { return false }
            state.running += 1
            return true
        }
        guard needsThread else { return }
        do throws(ThreadError) {
            try SystemThread.start(name: "resolver") { self.work() }
        } catch {
            // Other threads look it up, or else nobody can now, and it is asked for again with the next
            // request.
            let isLost = state.withLock { state in
                state.running -= 1
                guard state.running == 0 else { return false }
                for standing in state.waiting.indices {
                    state.found += state.waiting[standing].map { ($0, []) }
                    state.waiting[standing] = []
                }
                return true
            }
            if isLost { whenFound() }
        }
    }

    /// What has been found since the last time.
    func take() -> [(name: String, addresses: [HostAddress])] {
        state.withLock { state in
            defer { state.found = [] }
            return state.found
        }
    }

    private func work() {
        var last: Standing?
        while let (name, standing) = next(after: last) {
            let addresses = find(name)
            state.withLock { $0.found.append((name, addresses)) }
            whenFound()
            last = standing
        }
    }

    /// The next name for a thread that has looked one of standing `last` up; nil when the thread is to end.
    private func next(after last: Standing?) -> (name: String, standing: Standing)? {
        state.withLock { state in
            if last == .failing { state.runningFailing -= 1 }
            for standing in Standing.allCases where !state.waiting[standing.rawValue].isEmpty {
                if standing == .failing {
                    // A thread that looks such a name up goes on with these.
                    guard state.runningFailing < Self.mostFailing else { continue }
                    state.runningFailing += 1
                }
                return (state.waiting[standing.rawValue].removeFirst(), standing)
            }
            state.running -= 1
            return nil
        }
    }
}
