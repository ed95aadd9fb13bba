import Testing

@testable import RemoteWrite

@Suite struct WriteMessageTests {
    @Test func headersAreThoseOfTheSpecifications() {
        #expect(WriteMessage.v1.contentType == "application/x-protobuf")
        #expect(WriteMessage.v1.version == "0.1.0")
        #expect(WriteMessage.v2.contentType == "application/x-protobuf;proto=io.prometheus.write.v2.Request")
        #expect(WriteMessage.v2.version == "2.0.0")
    }
}
