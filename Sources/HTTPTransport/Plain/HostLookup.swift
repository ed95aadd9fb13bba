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
        /// `takeFound` will tell.
        case pending
    }

    /// As long as libcurl keeps what it has looked up.
    static let keptNs: UInt64 = 60_000_000_000
    /// A failure mostly ends soon; the targets of one name, and one target's next scrapes, need not each wait
    /// for silent name servers.
    static let failedNs: UInt64 = 5_000_000_000

    private struct Known {
        let addresses: [HostAddress]
        let untilNs: UInt64
    }

    private let threads: LookupThreads
    private var known: [String: Known] = [:]
    private var pending: Set<String> = []

    init(_ threads: LookupThreads) { self.threads = threads }

    /// Names that are known or are being looked up.
    var count: Int { known.count + pending.count }

    /// What is known of a name in lower case. What is not known is looked up, once however many ask.
    mutating func look(_ name: String, nowNs: UInt64) -> Answer {
        if let known = known[name], known.untilNs > nowNs {
            return known.addresses.isEmpty ? .failed : .addresses(known.addresses)
        }
        if pending.insert(name).inserted { threads.ask(name) }
        return .pending
    }

    /// The names that have been looked up since, with their addresses; without any where that failed.
    mutating func takeFound(nowNs: UInt64) -> [(name: String, addresses: [HostAddress])] {
        guard !pending.isEmpty else { return [] }
        let found = threads.take()
        for (name, addresses) in found {
            pending.remove(name)
            let keptNs = addresses.isEmpty ? Self.failedNs : Self.keptNs
            known[name] = Known(addresses: addresses, untilNs: nowNs + keptNs)
        }
        return found
    }

    /// Forgets what is too old to be used.
    mutating func prune(nowNs: UInt64) { known = known.filter { $0.value.untilNs > nowNs } }
}

/// Threads that look names up, so that a silent name server holds up nobody else. Each begins with a look-up
/// and ends when there is none left: an agent that scrapes addresses has none.
final class LookupThreads: Sendable {
    /// More names than this wait for a thread. Where name servers answer it takes a millisecond.
    static let most = 16

    private struct State {
        var waiting: [String] = []
        var running = 0
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

    /// Looks the name up, some time.
    func ask(_ name: String) {
        let needsThread = state.withLock { state in
            state.waiting.append(name)
            guard state.running < Self.most else { return false }
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
                state.found += state.waiting.map { ($0, []) }
                state.waiting = []
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
        while let name = next() {
            let addresses = find(name)
            state.withLock { $0.found.append((name, addresses)) }
            whenFound()
        }
    }

    /// The next name; nil when the thread is to end.
    private func next() -> String? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
