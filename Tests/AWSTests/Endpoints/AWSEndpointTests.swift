import Testing

@testable import AWS

struct AWSEndpointTests {
    func url(_ region: String, _ environment: [String: String] = [:], configured: String? = nil) throws
        -> String
    {
        try AWSEndpoint.url(
            service: .ecs, region: region, configured: configured,
            settings: EndpointSettings(environment: environment))
    }

    @Test(arguments: [
        ("eu-west-1", "https://ecs.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "https://ecs.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "https://ecs.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "https://ecs.eusc-de-east-1.amazonaws.eu"),
    ])
    func eachPartitionHasItsSuffix(region: String, expected: String) throws {
        #expect(try url(region) == expected)
    }

    @Test func theMostSpecificOverrideWins() throws {
        let both = ["AWS_ENDPOINT_URL": "http://127.0.0.1:1/", "AWS_ENDPOINT_URL_ECS": "http://127.0.0.1:2"]
        #expect(try url("eu-west-1", both, configured: "http://127.0.0.1:3//") == "http://127.0.0.1:3")
        #expect(try url("eu-west-1", both) == "http://127.0.0.1:2")
        #expect(try url("eu-west-1", ["AWS_ENDPOINT_URL": "http://127.0.0.1:1/"]) == "http://127.0.0.1:1")
        #expect(try url("eu-west-1", ["AWS_ENDPOINT_URL_ECS": ""]) == "https://ecs.eu-west-1.amazonaws.com")
        let ignored = both.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"]) { $1 }
        #expect(try url("eu-west-1", ignored) == "https://ecs.eu-west-1.amazonaws.com")
    }

    @Test func fipsAndDualStackChangeTheHost() throws {
        let fips = ["AWS_USE_FIPS_ENDPOINT": "true"]
        let dual = ["AWS_USE_DUALSTACK_ENDPOINT": "true"]
        #expect(try url("us-east-1", fips) == "https://ecs-fips.us-east-1.amazonaws.com")
        #expect(try url("us-east-1", dual) == "https://ecs.us-east-1.api.aws")
        #expect(try url("cn-north-1", dual) == "https://ecs.cn-north-1.api.amazonwebservices.com.cn")
        let ssm = AWSService(
            name: "SSM", signingName: "ssm", endpointPrefix: "ssm", targetPrefix: "AmazonSSM",
            environmentSuffix: "SSM")
        let plain = try AWSEndpoint.url(
            service: ssm, region: "us-gov-east-1", configured: nil,
            settings: EndpointSettings(environment: fips))
        #expect(plain == "https://ssm.us-gov-east-1.amazonaws.com")
    }

    @Test(arguments: ["", "eu", "eu west-1", "evil.example/", "-eu-west-1", "EU-WEST-1"])
    func whatIsNoRegionMakesNoHost(region: String) {
        #expect(throws: AWSError.self) { try url(region) }
    }

    @Test(arguments: ["ecs.example", "ftp://h/", "http://h/?x=1"])
    func whatIsNoURLIsNoEndpoint(text: String) {
        #expect(throws: AWSError.self) { try url("eu-west-1", configured: text) }
    }
}
