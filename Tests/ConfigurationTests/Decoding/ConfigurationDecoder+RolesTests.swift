import Testing

@testable import Configuration

struct ConfigurationDecoderRolesTests {
    static let arn = "arn:aws:iam::123456789012:role/writer"

    func load(_ block: String) throws(ConfigurationErrors) -> SigV4Configuration? {
        try Configuration.load(
            text: Array("remote_write: [{url: 'http://h/w', sigv4: \(block)}]".utf8), file: "a.yml",
            environment: [:]
        ).remoteWrites.first?.sigv4
    }

    @Test func everyKeyOfPrometheusIsTaken() throws {
        let block = try load(
            "{region: eu-west-1, profile: p, role_arn: '\(Self.arn)', external_id: x, "
                + "use_fips_sts_endpoint: true, service_name: aps}")
        #expect(
            block
                == SigV4Configuration(
                    region: "eu-west-1", profile: "p", roleARN: Self.arn, externalID: "x",
                    useFIPSSTSEndpoint: true))
        #expect(try load("{role_arn: '', external_id: ''}") == SigV4Configuration())
    }

    @Test(arguments: [
        ("{external_id: x}", "external_id without role_arn"), ("{role_arn: writer}", "is not a role's ARN"),
        ("{role_arn: 'arn:aws:iam::1:role/a b'}", "is not a role's ARN"),
        ("{use_fips_sts_endpoint: maybe}", "use_fips_sts_endpoint"),
    ])
    func whatCannotBeMeantIsRefused(block: String, words: String) {
        do throws(ConfigurationErrors) {
            _ = try load(block)
            Issue.record("taken")
        } catch {
            #expect(error.description.contains(words), "\(error)")
        }
    }
}
