import Platform
import Synchronization
import TestSupport
import Testing

@testable import Discovery

@Suite struct ECSTurnsTests {
    /// Somebody who has a turn until told to end, and a list of who had one.
    private final class Stage: Sendable {
        let turns: ECSTurns
        private let begun = Mutex<[String]>([])
        private let ended = Mutex<Set<String>>([])

        init(_ turns: ECSTurns) { self.turns = turns }

        var order: [String] { begun.withLock { $0 } }

        func perform(_ name: String) async {
            await turns.perform(of: String(name.prefix(1))) {
                begun.withLock { $0.append(name) }
                while ended.withLock({ !$0.contains(name) }), !Task.isCancelled { await Task.yield() }
            }
        }

        func end(_ name: String) { _ = ended.withLock { $0.insert(name) } }

        func wait(_ count: Int) async {
            while begun.withLock({ $0.count < count }) { await Task.yield() }
        }
    }

    @Test func whoHadFewestTurnsIsNext() async {
        let clock = ManualClock()
        let stage = Stage(ECSTurns(limit: 1, patienceMs: 1_000, clock: clock))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await stage.perform("a1") }
            await stage.wait(1)
            for (index, name) in ["a2", "a3", "b1"].enumerated() {
                group.addTask { await stage.perform(name) }
                await waitForSleepers(clock, index + 1)
            }
            for name in ["a1", "b1", "a2", "a3"] { stage.end(name) }
        }
        #expect(stage.order.prefix(2) == ["a1", "b1"])
        #expect(stage.order.count == 4)
    }

    @Test func whoTakesLongHoldsUpNobody() async {
        let clock = ManualClock()
        let stage = Stage(ECSTurns(limit: 1, patienceMs: 1_000, clock: clock))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await stage.perform("slow") }
            await stage.wait(1)
            group.addTask { await stage.perform("next") }
            await waitForSleepers(clock)
            #expect(stage.order == ["slow"])
            clock.advance(ms: 1_000)
            await stage.wait(2)
            stage.end("next")
            stage.end("slow")
        }
        #expect(stage.order == ["slow", "next"])
    }

    @Test func aCancelledTaskDoesNotWait() async {
        let clock = ManualClock()
        let stage = Stage(ECSTurns(limit: 1, patienceMs: 1_000, clock: clock))
        let first = Task { await stage.perform("a") }
        await stage.wait(1)
        let second = Task { await stage.perform("b") }
        await waitForSleepers(clock)
        second.cancel()
        await second.value
        #expect(stage.order == ["a", "b"])
        stage.end("a")
        await first.value
    }
}
