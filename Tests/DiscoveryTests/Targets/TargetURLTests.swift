import Testing

@testable import Discovery

@Suite struct TargetURLTests {
    @Test(arguments: [
        ("/metrics", "http://a:1/metrics"), ("metrics", "http://a:1/metrics"), ("", "http://a:1"),
        ("/a b?c%20#é", "http://a:1/a%20b%3Fc%2520%23%C3%A9"), ("/(x)!*'", "http://a:1/%28x%29%21%2A%27"),
    ])
    func pathsAreEscapedAsGoDoes(path: String, expected: String) {
        #expect(TargetURL.text(scheme: "http", address: "a:1", path: path, parameters: []) == expected)
    }

    @Test func queriesAreSortedAndEscapedAsGoDoes() {
        let parameters = [("b", ["2", "1"]), ("a c", ["x&y=z+ü"]), ("none", [])]
        #expect(
            TargetURL.text(
                scheme: "https", address: "[::1]:9", path: "/p", parameters: parameters.map { ($0.0, $0.1) })
                == "https://[::1]:9/p?a+c=x%26y%3Dz%2B%C3%BC&b=2&b=1")
    }
}
