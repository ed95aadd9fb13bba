import Configuration
import Testing

@testable import RemoteWrite

@Suite struct MessageChoiceTests {
    private static let hourNs: UInt64 = 3_600_000_000_000

    @Test(arguments: [200, 204, 400, 415, 500]) func answersTo10SayNothingAboutIt(status: Int) {
        for configured in ProtobufMessage.allCases {
            var choice = MessageChoice(configured)
            let before = choice
            #expect(
                choice.answered(.v1, .init(status: status, hasWrittenCounts: false), 1) == .understood)
            #expect(choice == before)
        }
    }

    @Test func configurationSaysWhatIsSentFirst() {
        #expect(ProtobufMessage.allCases.map { MessageChoice($0).current(0) } == [.v1, .v2, .v2])
        #expect(
            ProtobufMessage.allCases.map(\.text)
                == ["prometheus.WriteRequest", "io.prometheus.write.v2.Request", "auto"])
    }

    @Test(arguments: [
        (200, true), (204, true), (400, true), (429, true), (500, true), (500, false), (404, false),
    ])
    func otherAnswersAreAboutTheSamples(status: Int, hasCounts: Bool) {
        var choice = MessageChoice(.auto)
        #expect(
            choice.answered(.v2, .init(status: status, hasWrittenCounts: hasCounts), 5) == .understood)
        #expect(choice.current(6) == .v2)
        #expect(choice.isConfirmed == hasCounts)
    }

    @Test(arguments: [(ProtobufMessage.auto, 415), (.auto, 200), (.auto, 204), (.v2, 415), (.v2, 200)])
    func aReceiverThatDoesNotKnow20IsSent10(configured: ProtobufMessage, status: Int) {
        var choice = MessageChoice(configured)
        #expect(choice.answered(.v2, .init(status: status, hasWrittenCounts: false), 5) == .fallBack)
        #expect(choice.current(6) == .v1)
        // One that was on its way meanwhile.
        #expect(choice.answered(.v2, .init(status: status, hasWrittenCounts: false), 7) == .fallBack)
        // `auto` remembers; what is written out is asked for again.
        #expect(choice.current(7 + Self.hourNs - 1) == .v1)
        #expect(choice.current(7 + Self.hourNs) == (configured == .auto ? .v1 : .v2))
    }

    @Test func aReceiverThatWasConfirmedMayForgetIt() {
        var choice = MessageChoice(.auto)
        #expect(choice.answered(.v2, .init(status: 200, hasWrittenCounts: true), 1) == .understood)
        #expect(choice.answered(.v2, .init(status: 200, hasWrittenCounts: false), 2) == .fallBack)
        #expect(choice.current(3) == .v1)
    }

    @Test func badRequestsMayComeFromReceiversOf10() {
        let unreadable = MessageChoice.Answer(
            status: 400, hasWrittenCounts: false, mayBeAboutTheMessage: true)
        var choice = MessageChoice(.auto)
        #expect(choice.answered(.v2, .init(status: 400, hasWrittenCounts: false), 1) == .understood)
        #expect(choice.answered(.v2, unreadable, 2) == .fallBack)
        var confirmed = MessageChoice(.auto)
        _ = confirmed.answered(.v2, .init(status: 200, hasWrittenCounts: true), 1)
        #expect(confirmed.answered(.v2, unreadable, 2) == .understood)
        var asked = MessageChoice(.v2)
        #expect(asked.answered(.v2, unreadable, 2) == .understood, "2.0 is what the operator asks for")
    }
}
