import Configuration
import TestSupport
import Testing

@testable import RemoteWrite

@Suite(.serialized) struct SlotStatusTests {
    /// What the slot shows behind the first answer, while there is more to send.
    private func shown(_ first: FakeReceiver.Answer) async -> SlotStatus? {
        let fixture = WriterFixture()
        let store = BufferedDestination(clock: fixture.clock)
        store.append(fixture.frames(2, series: 1))
        // The second request has no answer, so that the slot stands still.
        let receiver = FakeReceiver([first], otherwise: .hang)
        let queue = QueueConfiguration(maxShards: 1, minShards: 1, batchSendDeadlineMs: 50)
        let writer = fixture.writer(store, receiver, queue: queue)
        var shown: SlotStatus?
        await fixture.run(writer) {
            guard receiver.requests.count == 2 else { return false }
            shown = writer.status().slots.first
            return true
        }
        return shown
    }

    /// Samples that are tried again are held, and those that are refused for good are not.
    @Test func anErrorSaysWhetherSamplesAreKept() async {
        let failed = await shown(.status(500, body: "broken"))
        #expect(failed?.lastError?.contains("broken") == true)
        #expect(failed?.isHolding == true && failed?.isDropping == false)
        let refused = await shown(.status(400, body: "label value too long for metric"))
        #expect(refused?.lastError?.contains("too long") == true)
        #expect(refused?.isHolding == false && refused?.isDropping == true)
        let stored = await shown(.status(200))
        #expect(stored?.lastError == nil && stored?.isHolding == false && stored?.isDropping == false)
    }

    @Test func aSlotWithoutARequestHoldsNothing() {
        var status = SlotStatus()
        status.lastError = "status 503"
        for (state, isHolding) in [
            (SlotStatus.State.idle, false), (.sending, true), (.backingOff, true), (.throttled, true),
            (.held, true), (.stopped, false),
        ] {
            status.state = state
            #expect(status.isHolding == isHolding, "\(state)")
        }
    }

    /// The window has become smaller, and the slot has no request any more.
    @Test func anErrorOfAnIdleSlotIsOverAMinuteLater() {
        var status = SlotStatus()
        (status.lastError, status.isDropping, status.lastErrorMs) = ("status 400", true, 5_000)
        #expect(status.current(storedMs: nil).isDropping)
        #expect(status.current(storedMs: 64_999) == status)
        let later = status.current(storedMs: 65_000)
        #expect(later.lastError == nil && !later.isDropping)
        status.state = .held
        #expect(status.current(storedMs: 65_000) == status)
    }

    private static let held = SlotStateMachine.Held(sampleCount: 1, newestMs: 0, mayBeStored: false)
    private static let flight = SlotState.Flight(held, SlotState.ClaimMemory())
    private static let wait = SlotState.Wait(untilNs: 1, isUnderDrain: false)

    private static func settling(_ work: SlotState.Settling.Work) -> SlotState {
        .settling(.init(request: held, claim: SlotState.ClaimMemory(), work: work))
    }

    @Test(arguments: [
        (SlotState.ready(.init(flight: flight)), false),
        (.inFlight(.init(flight: flight, leftNs: 1)), false),
        (.pausing(.init(flight: flight, wait: wait)), false),
        (.held(.init(flight: flight, wait: wait)), false),
        (settling(.putBack), false), (.stopped, false),
        (settling(.book(.delivered)), false), (settling(.book(.refused(reason: "x"))), true),
        (settling(.book(.unwritten(WrittenCounts(samples: 1, histograms: 0, exemplars: 0)))), true),
        (settling(.book(.givenUp(reason: "too_old"))), true),
    ])
    func onlyWhatIsBookedOtherwiseThanDeliveredIsGivenUp(state: SlotState, givesUp: Bool) {
        #expect(state.givesUp == givesUp)
    }

    /// What a slot waits for is shown, whichever wait it is.
    @Test(arguments: [
        (SlotStateMachine.Obstacle?.none, SlotStatus.State.throttled), (.throttled, .throttled),
        (.failing, .backingOff), (.unauthorized, .held), (.misconfigured, .held), (.refusing, .held),
        (.refusingSize, .held),
    ])
    func aWaitShowsWhatIsInTheWay(obstacle: SlotStateMachine.Obstacle?, shown: SlotStatus.State) {
        for state in [
            SlotState.pausing(.init(flight: Self.flight, wait: Self.wait)),
            .held(.init(flight: Self.flight, wait: Self.wait)),
        ] {
            #expect(SlotStatus.State(state, obstacle) == shown)
        }
        #expect(SlotStatus.State(.ready(.init(flight: Self.flight)), obstacle) == .sending)
        #expect(SlotStatus.State(Self.settling(.putBack), obstacle) == .idle)
        #expect(SlotStatus.State(.stopped, obstacle) == .stopped)
    }
}
