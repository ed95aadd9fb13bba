import Testing

@testable import AWS

struct AWSRegionTests {
    static let host = "aps-workspaces.eu-central-1.amazonaws.com"

    @Test func theMostExplicitWins() {
        let both = ["AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"]
        func resolve(
            _ configured: String?, _ environment: [String: String], _ profile: String?, _ host: String?
        ) -> String? {
            AWSRegion.resolve(
                configured: configured, environment: environment, profileRegion: profile,
                remoteWriteHost: host)
        }
        #expect(resolve("us-east-1", both, "ap-south-1", Self.host) == "us-east-1")
        #expect(resolve("", both, "ap-south-1", Self.host) == "eu-central-1")
        #expect(resolve("", both, "ap-south-1", "prometheus.example") == "eu-west-1")
        let second = ["AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"]
        #expect(resolve(nil, second, "ap-south-1", nil) == "eu-west-2")
        #expect(resolve(nil, [:], "ap-south-1", nil) == "ap-south-1")
        #expect(resolve(nil, [:], nil, Self.host) == "eu-central-1")
        #expect(resolve(nil, [:], nil, "prometheus.example") == nil)
        #expect(resolve(nil, [:], nil, nil) == nil)
    }

    @Test(
        arguments: [
            ("aps-workspaces.us-west-2.amazonaws.com", "us-west-2"),
            ("APS-Workspaces-FIPS.us-gov-west-1.api.aws:443", "us-gov-west-1"),
            ("vpce-0a1b-2c3d.aps-workspaces.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
            ("aps-workspaces.amazonaws.com", nil), ("aps-workspaces.eu-west-1.example.com", nil),
            ("ecs.eu-west-1.amazonaws.com", nil), ("", nil),
        ] as [(String, String?)])
    func anAMPHostNamesItsRegion(host: String, region: String?) {
        #expect(AWSRegion.ofAMP(host: host) == region)
    }
}
