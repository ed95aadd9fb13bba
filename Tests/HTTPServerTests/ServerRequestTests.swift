import HTTPServer
import Testing

struct ServerRequestTests {
    @Test(arguments: [
        ("/", "/", ""), ("/a/b%20c?x=1&y=%2F", "/a/b%20c", "x=1&y=%2F"), ("/a?", "/a", ""), ("?q", "/", "q"),
        ("/a?b?c", "/a", "b?c"), ("http://host:1/p?q", "/p", "q"), ("https://host", "/", ""),
        ("http://host?q=1", "/", "q=1"), ("*", "*", ""),
    ])
    func pathAndQuery(target: String, path: String, query: String) {
        let request = ServerRequest(method: "GET", target: target)
        #expect(request.path == path)
        #expect(request.query == query)
    }
}
