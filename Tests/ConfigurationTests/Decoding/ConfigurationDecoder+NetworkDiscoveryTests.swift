import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderNetworkDiscoveryTests {
    @Test func everyKeyIsRead() throws {
        let job = try #require(
            try load(
                job(
                    """
                    http_sd_configs:
                      - url: https://sd/targets?a=b
                      - {url: "http://sd/", refresh_interval: 10s, basic_auth: {username: u}}
                    dns_sd_configs:
                      - names: [_web._tcp.example.com, b.]
                      - {names: [a], type: aaaa, port: 9100, refresh_interval: 5s}
                    """)
            ).scrapeConfigs.first)
        #expect(
            job.httpSDConfigs == [
                HTTPSDConfiguration(url: "https://sd/targets?a=b"),
                HTTPSDConfiguration(
                    url: "http://sd/", refreshIntervalMs: 10_000,
                    http: HTTPClientOptions(
                        authentication: .basic(username: .text(Secret("u")), password: nil))),
            ])
        #expect(
            job.dnsSDConfigs == [
                DNSSDConfiguration(names: ["_web._tcp.example.com", "b."]),
                DNSSDConfiguration(names: ["a"], type: .aaaa, port: 9_100, refreshIntervalMs: 5_000),
            ])
    }

    @Test(arguments: [
        ("http_sd_configs: [{}]", "http_sd_configs needs a url"),
        ("http_sd_configs: [{url: 'ftp://a'}]", "url must begin with http"),
        ("http_sd_configs: [{url: 'http://u:{p}@a'}]", "has a user or password with a character"),
        ("http_sd_configs: [{url: 'http://a', refresh_interval: 0s}]", "longer than 0"),
        ("http_sd_configs: [{url: 'http://a', bearer_token: t, oauth2: {}}]", "at most one way"),
        ("dns_sd_configs: [{}]", "dns_sd_configs needs names"),
        ("dns_sd_configs: [{names: []}]", "dns_sd_configs needs names"),
        ("dns_sd_configs: [{names: ['']}]", "is not a DNS name"),
        ("dns_sd_configs: [{names: [a..b]}]", "is not a DNS name"),
        ("dns_sd_configs: [{names: [a], type: TXT}]", "type cannot be \"TXT\". Valid: A, AAAA, SRV, MX, NS"),
        ("dns_sd_configs: [{names: [a], type: A}]", "needs a port for every type but SRV"),
        ("dns_sd_configs: [{names: [a], port: 70000}]", "from 1 to 65535"),
    ])
    func mistakesAreTold(lines: String, message: String) {
        let found = errors(job(lines))
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }
}
