import HTTPServer
import Testing

@testable import StandIns

@Suite struct ServerFaultTests {
    @Test(arguments: [
        ServerFault.neverAnswer, .closeWithoutAnswer, .closeAfter(bodyBytes: 7), .stallAfter(bodyBytes: 0),
        .delay(ms: 1_000), .declareLength(bytes: 10),
    ])
    func readsBackFromItsHeaderField(fault: ServerFault) {
        #expect(ServerFault(field: fault.field) == fault)
        #expect(ServerResponse(fault: fault).fault == fault)
    }

    @Test(arguments: ["", "delay", "delay soon", "other 1", "delay 1 2", " delay 1"])
    func anyOtherTextIsNoFault(text: String) {
        #expect(ServerFault(field: text) == nil)
    }

    @Test func anAnswerHasNoFaultUnlessItIsSet() {
        #expect(ServerResponse().fault == nil)
    }
}
