import Testing

@testable import StatusServer

struct RoutePrefixTests {
    @Test(
        arguments: [
            (nil, nil, ""), ("", "", ""), ("http://h:9090/", nil, ""), ("http://h", nil, ""),
            ("https://h/prom", nil, "/prom"), ("https://h/prom/a/?q=1#f", nil, "/prom/a"),
            ("/prom/", nil, "/prom"),
            ("https://h/prom", "/", ""), ("https://h/prom", "x", "/x"), (nil, "/x/y/", "/x/y"),
            ("http://h?a=/b", nil, ""), ("localhost:9090", nil, ""), ("h:9090/x", nil, ""),
            (
                "https://h/services/http:prometheus:9090/proxy/", nil, "/services/http:prometheus:9090/proxy"
            ),
        ] as [(String?, String?, String)])
    func thePathIsPrometheus(externalURL: String?, routePrefix: String?, path: String) throws {
        #expect(try RoutePrefix(externalURL: externalURL, routePrefix: routePrefix).path == path)
    }

    @Test(arguments: ["/a b", "/%2e", "/..", "/a/./b", "/<", "\"/a\"", "/é"])
    func aPathThatWouldHaveToBeEscapedIsRefused(path: String) {
        let error = #expect(throws: StatusError.self) { try RoutePrefix(externalURL: nil, routePrefix: path) }
        #expect(error?.message.contains("--web.route-prefix") == true)
        #expect(throws: StatusError.self) {
            try RoutePrefix(externalURL: "http://h" + path, routePrefix: nil)
        }
    }

    @Test func pagesAreBelowThePrefixAlone() throws {
        let prefix = try RoutePrefix(externalURL: nil, routePrefix: "/prom")
        #expect(prefix.below("/prom/metrics") == "/metrics" && prefix.below("/prom/") == "/")
        for path in ["/metrics", "/prometheus/metrics", "/prom", "/", ""] {
            #expect(prefix.below(path) == nil)
        }
        #expect(prefix.redirect("/") == "/prom/" && prefix.redirect("/prom") == "/prom/")
        #expect(prefix.redirect("/metrics") == nil && RoutePrefix().redirect("/") == nil)
        #expect(RoutePrefix().below("/metrics") == "/metrics")
    }
}
