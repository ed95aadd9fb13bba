import Configuration
import HTTPTransport
import Logging
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Agent

@Suite struct AWSRoutesTests {
    private let http = HTTPClient(
        HTTPClientConfiguration(), registry: MetricRegistry(), logger: Logger(label: "test"))

    private func options(
        _ block: HTTPClientOptions = AWSRoutes.usual, _ environment: [String: String] = [:]
    ) -> HTTPClientOptions {
        defer { http.shutDown() }
        return AWSRoutes(
            http: http, workers: WorkerPool(name: "test", threads: 1), files: POSIXFiles(),
            clock: ManualClock(), environment: environment
        ).options(block)
    }

    /// AWS_CA_BUNDLE before `ca_bundle` of a profile, a block's own before both; as botocore has them.
    @Test func aProfilesAuthoritiesComeLast() async throws {
        defer { http.shutDown() }
        let folder = try TemporaryFolder()
        let config = "\(folder.path)/config"
        try POSIXFiles().replace(
            config, with: Array("[default]\nca_bundle = /d.pem\n[profile p]\nca_bundle=/p.pem\n".utf8))
        func authority(
            _ more: [String: String] = [:], profile: String? = nil, own: TextSource? = nil
        ) async -> TextSource? {
            let (routes, aws) = await AWSRoutes.make(
                http: http, workers: WorkerPool(name: "test", threads: 1), files: POSIXFiles(),
                clock: ManualClock(), environment: ["AWS_CONFIG_FILE": config].merging(more) { $1 },
                logger: Logger(label: "test"))
            var block = AWSRoutes.usual
            block.tls.authority = own
            return routes.options(await routes.options(block, profile: profile, aws: aws)).tls.authority
        }
        #expect(await authority() == .file("/d.pem"))
        #expect(await authority(["AWS_PROFILE": "p"]) == .file("/p.pem"))
        #expect(await authority(profile: "p") == .file("/p.pem"))
        #expect(await authority(["AWS_CA_BUNDLE": "/e.pem"], profile: "p") == .file("/e.pem"))
        #expect(await authority(profile: "p", own: .file("/o.pem")) == .file("/o.pem"))
        #expect(await authority(["AWS_CONFIG_FILE": "/nonexistent"]) == nil)
    }

    @Test func nothingIsAddedWhereNothingIsSaid() {
        #expect(options() == AWSRoutes.usual)
        #expect(options(AWSRoutes.usual, ["HTTPS_PROXY": "", "AWS_CA_BUNDLE": ""]) == AWSRoutes.usual)
    }

    @Test(arguments: ["HTTP_PROXY", "https_proxy"])
    func theEnvironmentsProxiesHold(name: String) {
        let found = options(AWSRoutes.usual, [name: "http://p:1"])
        #expect(found.proxy == ProxyOptions(fromEnvironment: true, sparesLocal: true))
    }

    @Test func aBlocksOwnProxyAndAuthorityComeFirst() {
        var block = AWSRoutes.usual
        block.proxy.url = Secret("http://mine:1")
        block.proxy.noProxy = "a"
        block.tls.authority = .file("mine.pem")
        let found = options(block, ["HTTPS_PROXY": "http://p:1", "AWS_CA_BUNDLE": "/ca.pem"])
        #expect(
            found.proxy
                == ProxyOptions(url: Secret("http://mine:1"), noProxy: "a", sparesLocal: true))
        #expect(found.tls.authority == .file("mine.pem"))
        #expect(
            options(AWSRoutes.usual, ["AWS_CA_BUNDLE": "/ca.pem"]).tls.authority == .file("/ca.pem"))
    }
}
