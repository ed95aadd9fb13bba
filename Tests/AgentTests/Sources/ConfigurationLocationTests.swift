import AWS
import Testing

@testable import Agent

@Suite struct ConfigurationLocationTests {
    private func fault(_ text: String) -> String? {
        do throws(ConfigurationLocation.Fault) {
            _ = try ConfigurationLocation(text)
            return nil
        } catch {
            return error.description
        }
    }

    static let places: [(String, ConfigurationLocation)] = [
        ("prometheus.yml", .path("prometheus.yml")),
        ("/dev/stdin", .path("/dev/stdin")),
        ("conf/ssm:a", .path("conf/ssm:a")),
        ("ssm:/narthex/eu", .parameter("/narthex/eu")),
        ("ssm:narthex:3", .parameter("narthex:3")),
        (
            "ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/a",
            .parameter(
                "arn:aws:ssm:eu-west-1:123456789012:parameter/a")
        ),
        ("secretsmanager:shop/narthex", .secret(id: "shop/narthex", jsonKey: nil)),
        ("secretsmanager:shop#prometheus.yml", .secret(id: "shop", jsonKey: "prometheus.yml")),
        ("secretsmanager:a#b#c", .secret(id: "a", jsonKey: "b#c")),
        ("env:ECS_CONFIG_CONTENT", .variable("ECS_CONFIG_CONTENT")),
        ("https://h/narthex.yml?a=b", .web("https://h/narthex.yml?a=b")),
        ("http://127.0.0.1:8/x", .web("http://127.0.0.1:8/x")),
        ("http://[::1]:8/x", .web("http://[::1]:8/x")),
    ]

    @Test(arguments: places)
    func textsAreTakenApart(text: String, location: ConfigurationLocation) throws {
        #expect(try ConfigurationLocation(text) == location)
    }

    @Test func anObjectIsOneOfS3() throws {
        let location = try ConfigurationLocation("s3://shop/eu/narthex.yml")
        guard case .object(let place) = location else {
            Issue.record("no object: \(location)")
            return
        }
        #expect(place.location.bucket == "shop" && place.location.key == "eu/narthex.yml")
        #expect(location.shown == "s3://shop/eu/narthex.yml")
    }

    @Test(arguments: [
        "", "a\u{0}b", "s3://Shop/a", "s3://shop", "ssm:", "ssm://a", "ssm:a b", "ssm:a#b", "secretsmanager:",
        "secretsmanager:#a", "secretsmanager:a#", "secretsmanager://a", "secretsmanager:a b", "env:",
        "env:1A", "env:A-B", "env:A=b", "https://", "https://u:p@h/", "https://h/a b", "http://h/x",
        "http://127.evil.example/", "http://localhost.evil.example/", "gs://b/k", "file:///etc/narthex.yml",
    ])
    func whatNamesNothingIsRefused(text: String) {
        #expect(fault(text) != nil)
    }

    @Test func aPasswordIsNeverShown() throws {
        for text in ["https://u:hush@h/", "http://hush@h/x", "https://h/\u{1}?hush", "https://hush hush/"] {
            #expect(fault(text)?.contains("hush") == false)
        }
        #expect(try ConfigurationLocation("https://h/a?token=hush").shown == "https://h/a")
    }

    @Test func onlyWhatIsFarAwayIsKept() throws {
        for text in ["s3://shop/k", "ssm:/a", "secretsmanager:a", "https://h/"] {
            #expect(try ConfigurationLocation(text).isRemote)
        }
        #expect(try ConfigurationLocation("a.yml").isRemote == false)
        #expect(try ConfigurationLocation("env:A").isRemote == false)
    }
}
