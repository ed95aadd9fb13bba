import HTTPServer
import Testing

struct ServerHeadersTests {
    @Test func namesAreFoundWithoutRegardToCase() {
        var headers: ServerHeaders = ["Content-Type": "a", "X-Two": "1"]
        headers.add("x-two", "2")
        #expect(headers["content-type"] == "a")
        #expect(headers["X-TWO"] == "1")
        #expect(headers.all("X-two") == ["1", "2"])
        #expect(headers["x-tw"] == nil)
        #expect(headers["absent"] == nil)
    }

    @Test func onlyLettersHaveCase() {
        // `[` and `{` differ by the same bit as letters do.
        let headers: ServerHeaders = ["a[": "1"]
        #expect(headers["a{"] == nil)
    }
}
