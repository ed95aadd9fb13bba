import Testing

@testable import AWS

struct EndpointSettingsTests {
    static let services = [
        "ecs": "\nendpoint_url = http://files/ecs\nother=1", "secrets_manager": "\nendpoint_url=x",
    ]

    @Test func aVariableComesBeforeFilesAndAServicesOwnBeforeTheGeneral() {
        func url(
            _ environment: [String: String], _ profile: [String: String] = [:],
            _ services: [String: String] = [:]
        ) -> String? {
            EndpointSettings(environment: environment, profile: profile, services: services).url(for: .ecs)
        }
        let profile = ["endpoint_url": "http://files/all"]
        #expect(url([:]) == nil)
        #expect(url([:], profile) == "http://files/all")
        #expect(url([:], profile, Self.services) == "http://files/ecs")
        #expect(url(["AWS_ENDPOINT_URL": "http://env/all"], profile, Self.services) == "http://env/all")
        let both = ["AWS_ENDPOINT_URL": "http://env/all", "AWS_ENDPOINT_URL_ECS": "http://env/ecs"]
        #expect(url(both, profile, Self.services) == "http://env/ecs")
        #expect(url(["AWS_ENDPOINT_URL_STS": "http://env/sts"], profile) == "http://files/all")
        #expect(url(both.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) { $1 }, profile) == nil)
        #expect(url([:], profile.merging(["ignore_configured_endpoint_urls": "true"]) { $1 }) == nil)
    }

    @Test func switchesMayStandInTheProfile() {
        let profile = ["use_fips_endpoint": "TRUE", "use_dualstack_endpoint": "true"]
        let found = EndpointSettings(environment: ["AWS_USE_DUALSTACK_ENDPOINT": "false"], profile: profile)
        #expect(found.usesFIPS)
        #expect(!found.usesDualStack)
    }

    @Test func theGlobalSTSIsAskedWhereLegacySaysSo() {
        let legacy = EndpointSettings(environment: ["AWS_STS_REGIONAL_ENDPOINTS": "legacy"])
        #expect(legacy.usesGlobalSTS(in: "eu-west-1"))
        #expect(!legacy.usesGlobalSTS(in: "eu-south-1"))
        #expect(!EndpointSettings(environment: [:]).usesGlobalSTS(in: "eu-west-1"))
    }
}
