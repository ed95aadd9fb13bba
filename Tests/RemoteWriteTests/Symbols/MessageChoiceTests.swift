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
                choice.answered(.v1, .init(status: status, hasWrittenCounts: false), cutNs: 1, 1)
                    == .understood)
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
        (200, true), (204, true), (400, true), (404, true), (429, true), (500, true), (500, false),
        (404, false),
    ])
    func otherAnswersAreAboutTheSamples(status: Int, hasCounts: Bool) {
        var choice = MessageChoice(.auto)
        #expect(
            choice.answered(.v2, .init(status: status, hasWrittenCounts: hasCounts), cutNs: 5, 5)
                == .understood)
        #expect(choice.current(6) == .v2)
        // Others than the handler of the message may set the headers whatever they answer.
        #expect(choice.isConfirmed == (hasCounts && (status < 300 || status == 400)))
    }

    /// What another sender has found may hold for another program: one that cannot read the message is not
    /// taken for one that refuses samples. An odd success is another one's behind the same address.
    @Test func aReceiverThatUnderstoodBeforeIsAskedAsANewOne() {
        var choice = MessageChoice(.auto, remembered: .v2)
        #expect(choice.current(1) == .v2 && !choice.isProbing && !choice.isConfirmed)
        #expect(choice.answered(.v2, .init(status: 200, hasWrittenCounts: false), cutNs: 2, 2) == .sendAgain)
        let unreadable = MessageChoice.Answer(
            status: 400, hasWrittenCounts: false, mayBeAboutTheMessage: true)
        #expect(choice.answered(.v2, unreadable, cutNs: 3, 3) == .fallBack)
        #expect(choice.current(4) == .v1 && choice.found == .v1)
    }

    /// `auto` asks with one request at a time until the receiver has decided about one, whatever it says.
    @Test(arguments: [(402, false), (409, false), (410, false), (413, false), (404, true), (429, true)])
    func aDecisionEndsTheProbing(status: Int, isProbing: Bool) {
        var choice = MessageChoice(.auto)
        #expect(choice.isProbing)
        #expect(
            choice.answered(.v2, .init(status: status, hasWrittenCounts: false), cutNs: 5, 5) == .understood)
        #expect(choice.isProbing == isProbing)
    }

    /// A handler may set the headers with every answer, that to a message it does not know included.
    @Test(arguments: ProtobufMessage.allCases.filter { $0 != .v1 })
    func unknownMessagesAreSoWhateverTheHeadersSay(configured: ProtobufMessage) {
        var choice = MessageChoice(configured)
        #expect(choice.answered(.v2, .init(status: 415, hasWrittenCounts: true), cutNs: 5, 5) == .fallBack)
        #expect(choice.current(6) == .v1 && !choice.isConfirmed)
    }

    @Test(arguments: [(ProtobufMessage.auto, 415), (.auto, 200), (.auto, 204), (.v2, 415), (.v2, 200)])
    func aReceiverThatDoesNotKnow20IsSent10(configured: ProtobufMessage, status: Int) {
        var choice = MessageChoice(configured)
        #expect(
            choice.answered(.v2, .init(status: status, hasWrittenCounts: false), cutNs: 5, 5) == .fallBack)
        #expect(choice.current(6) == .v1)
        // One that was on its way meanwhile.
        #expect(
            choice.answered(.v2, .init(status: status, hasWrittenCounts: false), cutNs: 4, 7) == .fallBack)
        // `auto` remembers; what is written out is asked for again.
        #expect(choice.current(5 + Self.hourNs - 1) == .v1)
        #expect(choice.current(5 + Self.hourNs) == (configured == .auto ? .v1 : .v2))
    }

    /// One answer without the headers may be another receiver's behind the same address.
    @Test func aReceiverThatWasConfirmedForgetsItByItsThirdAnswer() {
        var choice = MessageChoice(.auto)
        let without = MessageChoice.Answer(status: 200, hasWrittenCounts: false)
        let minuteNs = MessageChoice.doubtNs / 10
        #expect(choice.answered(.v2, .init(status: 200, hasWrittenCounts: true), cutNs: 1, 1) == .understood)
        #expect(choice.answered(.v2, without, cutNs: 2, 2) == .sendAgain)
        #expect(choice.answered(.v2, without, cutNs: 3, 3) == .sendAgain)
        #expect(choice.isConfirmed && choice.current(4) == .v2)
        // So long after the first they are counted anew.
        let laterNs = 11 * minuteNs
        for _ in 0..<2 { #expect(choice.answered(.v2, without, cutNs: laterNs, laterNs) == .sendAgain) }
        #expect(choice.answered(.v2, without, cutNs: laterNs, laterNs + minuteNs) == .fallBack)
        #expect(choice.current(laterNs + minuteNs) == .v1)
        var told = MessageChoice(.auto)
        _ = told.answered(.v2, .init(status: 200, hasWrittenCounts: true), cutNs: 1, 1)
        #expect(told.answered(.v2, .init(status: 415, hasWrittenCounts: false), cutNs: 2, 2) == .fallBack)
    }

    /// A balancer may send requests to an old receiver and a new one: what was cut before the fall-back says
    /// nothing new.
    @Test(arguments: [200, 400, 404, 500]) func anAnswerThatWasInFlightDoesNotUndoAFallBack(status: Int) {
        var choice = MessageChoice(.auto)
        #expect(choice.answered(.v2, .init(status: 415, hasWrittenCounts: false), cutNs: 1, 5) == .fallBack)
        #expect(
            choice.answered(.v2, .init(status: status, hasWrittenCounts: true), cutNs: 4, 6) == .understood)
        #expect(choice.current(7) == .v1 && !choice.isConfirmed)
    }

    @Test func aReceiverThatIsAskedAgainMayHaveLearned20() {
        var choice = MessageChoice(.v2)
        _ = choice.answered(.v2, .init(status: 415, hasWrittenCounts: false), cutNs: 1, 5)
        let againNs = 5 + Self.hourNs
        #expect(choice.current(againNs) == .v2)
        #expect(
            choice.answered(.v2, .init(status: 200, hasWrittenCounts: true), cutNs: againNs, againNs)
                == .understood)
        #expect(choice.current(againNs + 1) == .v2 && choice.isConfirmed && choice.fellBackNs == nil)
    }

    @Test func badRequestsMayComeFromReceiversOf10() {
        let unreadable = MessageChoice.Answer(
            status: 400, hasWrittenCounts: false, mayBeAboutTheMessage: true)
        var choice = MessageChoice(.auto)
        #expect(choice.answered(.v2, .init(status: 400, hasWrittenCounts: false), cutNs: 1, 1) == .understood)
        #expect(choice.answered(.v2, unreadable, cutNs: 2, 2) == .fallBack)
        var confirmed = MessageChoice(.auto)
        _ = confirmed.answered(.v2, .init(status: 200, hasWrittenCounts: true), cutNs: 1, 1)
        #expect(confirmed.answered(.v2, unreadable, cutNs: 2, 2) == .understood)
        var asked = MessageChoice(.v2)
        #expect(
            asked.answered(.v2, unreadable, cutNs: 2, 2) == .fallBack,
            "as for auto: a receiver of 1.0 answers so")
    }
}
