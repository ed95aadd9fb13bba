import Testing

@testable import Agent

@Suite struct GeneratedConfigurationTests {
    @Test(arguments: [("", false), ("/prom", true)])
    func theAgentScrapesItselfWhereItsPagesAre(prefix: String, hasPath: Bool) {
        let configuration = GeneratedConfiguration(
            remoteWriteURL: "http://h/w", signingRegion: nil, clusters: [], scrapeInterval: "30s",
            externalLabels: [], ownAddress: "127.0.0.1:9090", ownPrefix: prefix, ownInstance: "i")
        #expect(configuration.text.contains("    metrics_path: \"/prom/metrics\"\n") == hasPath)
    }
}
