import Addresses
import Platform
import Synchronization
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(1)))
struct HostLookupTests {
    private static func addresses(_ texts: String...) -> [HostAddress] {
        texts.compactMap { IPAddress($0) }.map { HostAddress($0) }
    }

    /// Looks names up as a test says, and counts.
    final class FakeResolver: Sendable {
        let answers = Mutex<[String: [HostAddress]]>([:])
        let asked = Mutex<[String]>([])
        /// A look-up waits until this is signalled.
        let gate = Mutex<Bool>(true)

        func find(_ name: String) -> [HostAddress] {
            asked.withLock { $0.append(name) }
            while !gate.withLock({ $0 }) { SystemThread.pause(ms: 1) }
            return answers.withLock { $0[name] ?? [] }
        }
    }

    private func waitFor(_ condition: () -> Bool) -> Bool {
        for _ in 0..<10_000 {
            if condition() { return true }
            SystemThread.pause(ms: 1)
        }
        return false
    }

    @Test func aNameIsLookedUpOnceAndKeptForAMinute() {
        let resolver = FakeResolver()
        resolver.answers.withLock { $0["a"] = Self.addresses("10.0.0.1") }
        resolver.gate.withLock { $0 = false }
        let wakes = Atomic<Int>(0)
        var lookup = HostLookup(
            LookupThreads(find: resolver.find) { wakes.add(1, ordering: .relaxed) })
        for _ in 0..<3 { #expect(lookup.look("a", nowNs: 0) == .pending) }
        #expect(lookup.takeFound(nowNs: 0).isEmpty)
        resolver.gate.withLock { $0 = true }
        let isWoken = waitFor { wakes.load(ordering: .relaxed) > 0 }
        #expect(isWoken)
        #expect(lookup.takeFound(nowNs: 5).map(\.name) == ["a"])
        let last = HostLookup.keptNs + 4
        #expect(lookup.look("a", nowNs: last) == .addresses(Self.addresses("10.0.0.1")))
        #expect(resolver.asked.withLock { $0 } == ["a"])
        #expect(lookup.look("a", nowNs: last + 1) == .expired(Self.addresses("10.0.0.1")))
    }

    @Test func aFailureIsKeptForAFewSeconds() {
        let resolver = FakeResolver()
        var lookup = HostLookup(LookupThreads(find: resolver.find) {})
        #expect(lookup.look("nobody", nowNs: 0) == .pending)
        var found: [String] = []
        let isFound = waitFor {
            found += lookup.takeFound(nowNs: 0).map(\.name)
            return !found.isEmpty
        }
        #expect(isFound && found == ["nobody"])
        #expect(lookup.look("nobody", nowNs: HostLookup.failedNs - 1) == .failed)
        #expect(lookup.count == 1)
        lookup.prune(nowNs: HostLookup.failedNs)
        #expect(lookup.look("nobody", nowNs: HostLookup.failedNs) == .pending)
    }

    @Test func failuresInARowAreKeptLongerAndLonger() {
        let resolver = FakeResolver()
        var lookup = HostLookup(LookupThreads(find: resolver.find) {})
        var nowNs: UInt64 = 0
        /// Looks up and takes the result; false when that did not come.
        func find() -> Bool {
            guard lookup.look("a", nowNs: nowNs) == .pending else { return false }
            return waitFor { !lookup.takeFound(nowNs: nowNs).isEmpty }
        }
        for seconds: UInt64 in [5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60] {
            #expect(find())
            lookup.prune(nowNs: nowNs)
            nowNs += seconds * 1_000_000_000
            #expect(lookup.look("a", nowNs: nowNs - 1) == .failed)
        }
        resolver.answers.withLock { $0["a"] = Self.addresses("10.0.0.1") }
        #expect(find())
        resolver.answers.withLock { $0["a"] = nil }
        // The first failure after a success; the addresses are not used any more.
        nowNs += HostLookup.keptNs
        #expect(lookup.look("a", nowNs: nowNs) == .expired(Self.addresses("10.0.0.1")))
        let isFound = waitFor { !lookup.takeFound(nowNs: nowNs).isEmpty }
        #expect(isFound)
        #expect(lookup.look("a", nowNs: nowNs) == .failed)
        #expect(lookup.look("a", nowNs: nowNs + HostLookup.failedNs) == .pending)
    }

    @Test func addressesServeOnWhileNameServersAreSilent() {
        let resolver = FakeResolver()
        let addresses = Self.addresses("10.0.0.1")
        resolver.answers.withLock { $0["a"] = addresses }
        var lookup = HostLookup(LookupThreads(find: resolver.find) {})
        #expect(lookup.look("a", nowNs: 0) == .pending)
        let isFound = waitFor { !lookup.takeFound(nowNs: 0).isEmpty }
        #expect(isFound)
        resolver.gate.withLock { $0 = false }
        let expiredNs = HostLookup.keptNs + 7
        lookup.prune(nowNs: expiredNs)
        // Whoever asks first gives the look-up some time; whoever asks later need not.
        let patientNs = expiredNs + HostLookup.patienceNs
        #expect(lookup.look("a", nowNs: expiredNs) == .expired(addresses))
        #expect(lookup.look("a", nowNs: patientNs - 1) == .expired(addresses))
        #expect(lookup.look("a", nowNs: patientNs) == .addresses(addresses))
        #expect(lookup.look("a", nowNs: HostLookup.oldestNs - 1) == .addresses(addresses))
        #expect(lookup.look("a", nowNs: HostLookup.oldestNs) == .pending)
        resolver.gate.withLock { $0 = true }
        let isFoundAgain = waitFor { !lookup.takeFound(nowNs: HostLookup.oldestNs).isEmpty }
        #expect(isFoundAgain)
        #expect(lookup.look("a", nowNs: HostLookup.oldestNs) == .addresses(addresses))
        #expect(resolver.asked.withLock { $0.count } == 2)
        lookup.prune(nowNs: 2 * HostLookup.oldestNs)
        #expect(lookup.count == 0)
    }

    @Test func namesThatFailLeaveThreadsForOthers() {
        let resolver = FakeResolver()
        var lookup = HostLookup(LookupThreads(find: resolver.find) {})
        let failing = (0..<40).map { "n\($0)" }
        for name in failing { #expect(lookup.look(name, nowNs: 0) == .pending) }
        var count = 0
        let haveFailed = waitFor {
            count += lookup.takeFound(nowNs: 0).count
            return count == failing.count
        }
        #expect(haveFailed)
        // Threads that have nothing to do end.
        SystemThread.pause(ms: 20)
        resolver.asked.withLock { $0 = [] }
        resolver.gate.withLock { $0 = false }
        for name in failing { #expect(lookup.look(name, nowNs: HostLookup.failedNs) == .pending) }
        let areAsked = waitFor { resolver.asked.withLock { $0.count } >= LookupThreads.mostFailing }
        #expect(areAsked)
        SystemThread.pause(ms: 20)
        #expect(resolver.asked.withLock { $0.count } == LookupThreads.mostFailing)
        #expect(lookup.look("healthy", nowNs: HostLookup.failedNs) == .pending)
        let isAsked = waitFor { resolver.asked.withLock { $0.contains("healthy") } }
        #expect(isAsked)
        resolver.gate.withLock { $0 = true }
        var found: Set<String> = []
        let areFound = waitFor {
            found.formUnion(lookup.takeFound(nowNs: 0).map(\.name))
            return found.count == failing.count + 1
        }
        #expect(areFound)
    }

    @Test func namesThatHaveResolvedAreLookedUpFirst() {
        let others = FakeResolver()
        let last = FakeResolver()
        for resolver in [others, last] { resolver.gate.withLock { $0 = false } }
        let threads = LookupThreads(find: { $0.hasPrefix("other") ? others.find($0) : last.find($0) }) {}
        for number in 1..<LookupThreads.most { threads.ask("other\(number)", .new) }
        threads.ask("last", .new)
        let areBusy = waitFor {
            others.asked.withLock { $0.count } + last.asked.withLock { $0.count } == LookupThreads.most
        }
        #expect(areBusy)
        threads.ask("failing", .failing)
        threads.ask("new", .new)
        threads.ask("resolved", .resolved)
        // The one thread that goes on takes them by turns.
        last.gate.withLock { $0 = true }
        let areAsked = waitFor { last.asked.withLock { $0.count } == 4 }
        #expect(areAsked)
        #expect(last.asked.withLock { $0 } == ["last", "resolved", "new", "failing"])
        others.gate.withLock { $0 = true }
    }

    @Test func silentNameServersHoldABoundedNumberOfThreads() {
        let resolver = FakeResolver()
        resolver.gate.withLock { $0 = false }
        var lookup = HostLookup(LookupThreads(find: resolver.find) {})
        let names = (0..<50).map { "n\($0)" }
        for name in names { #expect(lookup.look(name, nowNs: 0) == .pending) }
        let isFull = waitFor { resolver.asked.withLock { $0.count } >= LookupThreads.most }
        #expect(isFull)
        SystemThread.pause(ms: 20)
        #expect(resolver.asked.withLock { $0.count } == LookupThreads.most)
        resolver.gate.withLock { $0 = true }
        var found: Set<String> = []
        let isFound = waitFor {
            found.formUnion(lookup.takeFound(nowNs: 0).map(\.name))
            return found.count == names.count
        }
        #expect(isFound)
        #expect(resolver.asked.withLock { Set($0) } == Set(names))
    }

    @Test func familiesTakeTurnsAndNoAddressComesTwice() {
        let mixed = Self.addresses(
            "2001:db8::1", "2001:db8::2", "2001:db8::1", "2001:db8::3", "10.0.0.1", "10.0.0.2")
        #expect(
            HostAddresses.alternating(mixed)
                == Self.addresses("2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2", "2001:db8::3"))
        #expect(
            HostAddresses.alternating(Self.addresses("10.0.0.1", "::1"))
                == Self.addresses("10.0.0.1", "::1"))
        #expect(HostAddresses.alternating([]).isEmpty)
    }

    @Test(arguments: ["localhost", "localhost.", "a.localhost"])
    func theLocalHostIsNotLookedUp(name: String) {
        #expect(HostAddresses.find(name) == Self.addresses("::1", "127.0.0.1"))
    }

    @Test func theSystemKnowsWhatIsNoName() {
        #expect(HostAddresses.find(String(repeating: "a", count: 250)).isEmpty)
        #expect(HostAddresses.scope(ofZone: "7") == 7)
        #expect(HostAddresses.scope(ofZone: "lo") == 1)
        #expect(HostAddresses.scope(ofZone: "nothere0") == nil)
        #expect(HostAddresses.scope(ofZone: "99999999999") == nil)
    }
}
