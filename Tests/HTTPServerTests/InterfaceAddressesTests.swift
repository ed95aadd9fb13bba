import HTTPServer
import Testing

struct InterfaceAddressesTests {
    @Test func loopbackIsAmongThem() {
        #expect(InterfaceAddresses.current.contains("127.0.0.1"))
    }
}
