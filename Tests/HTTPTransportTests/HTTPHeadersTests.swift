import Testing

@testable import HTTPTransport

struct HTTPHeadersTests {
    @Test func theFirstValueIsFoundWhateverTheCase() {
        let headers = HTTPHeaders([
            HTTPHeader(name: "Retry-After", value: " 7 "), HTTPHeader(name: "retry-after", value: "8"),
            HTTPHeader(name: "Retry-After-Not", value: "9"),
        ])
        #expect(headers["RETRY-AFTER"] == "7")
        #expect(headers["retry"] == nil)
        #expect(headers[""] == nil)
        #expect(headers.count == 3)
        #expect(
            headers.all == [
                HTTPHeader(name: "Retry-After", value: "7"), HTTPHeader(name: "retry-after", value: "8"),
                HTTPHeader(name: "Retry-After-Not", value: "9"),
            ])
    }

    @Test(arguments: ["", "\r\n", "no colon\r\n", ":no name\r\n"])
    func linesThatAreNoFieldsArePassedOver(line: String) {
        var headers = HTTPHeaders()
        headers.append(line: Array(line.utf8).span)
        #expect(headers.count == 0)
    }

    @Test func aValueKeepsItsColonsAndLosesItsLineEnds() {
        var headers = HTTPHeaders()
        headers.append(line: Array("Location:\thttp://h:1/a \r\n".utf8).span)
        headers.append(line: Array("Folded: a\nb\r\n".utf8).span)
        #expect(headers["location"] == "http://h:1/a")
        #expect(headers["folded"] == "a b")
        headers.removeAll()
        #expect(headers["location"] == nil)
    }
}
