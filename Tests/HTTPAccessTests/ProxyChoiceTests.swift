import Addresses
import Configuration
import HTTPTransport
import Testing

@testable import HTTPAccess

@Suite struct ProxyChoiceTests {
    private func proxy(
        _ url: String, _ options: ProxyOptions, _ environment: [String: String] = [:]
    ) throws -> String? {
        ProxyChoice(options, environment: environment).proxy(for: try HTTPURL(parsing: url))
    }

    @Test func aProxyWithoutExceptionsTakesEverything() throws {
        let options = ProxyOptions(url: Secret("http://p:1"))
        for url in ["http://a/", "https://b/", "http://localhost:9100/", "http://127.0.0.1/"] {
            #expect(try proxy(url, options) == "http://p:1")
        }
        #expect(try proxy("http://a/", ProxyOptions()) == nil)
    }

    @Test func exceptionsAreDirectAndSoIsLoopback() throws {
        let options = ProxyOptions(url: Secret("http://p:1"), noProxy: "inside.example")
        #expect(try proxy("http://a.inside.example/", options) == nil)
        #expect(try proxy("http://localhost/", options) == nil)
        #expect(try proxy("http://[::1]:9100/", options) == nil)
        #expect(try proxy("http://outside.example/", options) == "http://p:1")
    }

    @Test func metadataServicesAreSparedWhenAsked() throws {
        let local = [
            "http://169.254.169.254/latest", "http://169.254.170.2/v4", "http://[fd00:ec2::254]/latest",
            "http://127.0.0.1:51679/v2", "http://localhost/",
        ]
        let spared = ProxyOptions(url: Secret("http://p:1"), sparesLocal: true)
        for url in local {
            #expect(try proxy(url, spared) == nil)
            #expect(try proxy(url, ProxyOptions(url: Secret("http://p:1"))) == "http://p:1")
        }
        #expect(try proxy("https://ecs.eu-west-1.amazonaws.com/", spared) == "http://p:1")
        let environment = ["HTTP_PROXY": "p:1"]
        let said = ProxyOptions(fromEnvironment: true, sparesLocal: true)
        #expect(try proxy("http://169.254.170.23/v1/credentials", said, environment) == nil)
        #expect(try proxy("http://10.0.0.1/", said, environment) == "http://p:1")
    }

    @Test func theEnvironmentIsAskedOnlyWhenTold() throws {
        let environment = [
            "HTTP_PROXY": "plain:3128", "https_proxy": "https://tls:443", "NO_PROXY": ".direct, 10.0.0.0/8",
        ]
        let options = ProxyOptions(fromEnvironment: true)
        #expect(try proxy("http://a/", options, environment) == "http://plain:3128")
        #expect(try proxy("https://a/", options, environment) == "https://tls:443")
        #expect(try proxy("https://a.direct/", options, environment) == nil)
        #expect(try proxy("http://10.1.2.3:9100/", options, environment) == nil)
        #expect(try proxy("http://a/", ProxyOptions(), environment) == nil)
        #expect(try proxy("http://a/", options, ["HTTP_PROXY": "ftp://x"]) == nil)
    }
}
