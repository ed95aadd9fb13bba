import Testing

@testable import RemoteWrite

@Suite struct SampleAgeTests {
    @Test(arguments: [
        "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
        "https://vpce-0a.aps-workspaces.us-east-1.vpce.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
        "https://aps-workspaces.cn-north-1.amazonaws.com.cn/x",
        "https://APS-WORKSPACES.us-east-1.amazonaws.com:443/x",
    ])
    func ampHostsHaveAMPsLimit(url: String) {
        #expect(SampleAge(configuredMs: 0, url: url).limitMs == 3_300_000)
        #expect(SampleAge(configuredMs: 1_000, url: url).limitMs == 1_000)
    }

    @Test(arguments: [
        "http://127.0.0.1:9090/api/v1/write", "https://aps-workspaces.example.org/",
        "https://example.org/aps-workspaces.eu-central-1.amazonaws.com",
    ])
    func otherHostsHaveNone(url: String) {
        #expect(SampleAge(configuredMs: 0, url: url).limitMs == nil)
    }

    @Test func ageNeverOverflows() {
        let age = SampleAge(configuredMs: 60_000, url: "")
        #expect(age.isTooOld(.min, wallMs: 0))
        #expect(!age.isTooOld(.max, wallMs: 0))
        #expect(!age.isTooOld(.min, wallMs: .min))
        #expect(!age.isTooOld(0, wallMs: 60_000))
        #expect(age.isTooOld(-1, wallMs: 60_000))
    }

    @Test(arguments: [
        ("http://u:p@host:9/a?token=x#f", "http://host:9/a"), ("https://host", "https://host"),
        ("https://u:p%40@[::1]:9/w", "https://[::1]:9/w"),
    ])
    func labelsAndLogsShowNoSecrets(url: String, shown: String) {
        #expect(RemoteURL.withoutSecrets(url) == shown)
    }
}
