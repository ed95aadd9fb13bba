/// Where a service is, as the SDKs find it: AWS' page "Service-specific endpoints".
enum AWSEndpoint {
    /// Services whose host stays plain in the GovCloud regions even where FIPS is asked for, as all of it is
    /// FIPS.
    private static let plainInGovCloud: Set<String> = ["sts", "ssm", "ec2"]

    /// The base URL, without a slash at its end. `configured` comes before the environment's
    /// `AWS_ENDPOINT_URL_<SERVICE>`, that before `AWS_ENDPOINT_URL`, that before the service's own host in
    /// its region.
    static func url(
        service: AWSService, region: String, configured: String?, environment: [String: String]
    ) throws(AWSError) -> String {
        var named = [configured].compactMap { $0 }
        if !isTrue(environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]) {
            let variables = ["AWS_ENDPOINT_URL_\(service.environmentSuffix)", "AWS_ENDPOINT_URL"]
            named += variables.compactMap { environment[$0] }
        }
        if let url = named.first(where: { !$0.isEmpty }) {
            guard let parts = SignableURL(url), parts.query.isEmpty else {
                throw AWSError(
                    .malformed,
                    message:
                        "the endpoint configured is not an http:// or https:// URL with a host and no query",
                    operation: service.name)
            }
            var base = url
            while base.hasSuffix("/") { base.removeLast() }
            return base
        }
        guard AWSRegion.isRegion(region) else {
            throw AWSError(
                .noRegion, message: "\"\(region)\" is no AWS region; one looks like eu-west-1",
                operation: service.name)
        }
        return "https://" + host(service: service, region: region, environment: environment)
    }

    private static func host(service: AWSService, region: String, environment: [String: String]) -> String {
        let fips = isTrue(environment["AWS_USE_FIPS_ENDPOINT"])
        let dualStack = isTrue(environment["AWS_USE_DUALSTACK_ENDPOINT"])
        let staysPlain = region.hasPrefix("us-gov-") && plainInGovCloud.contains(service.endpointPrefix)
        let prefix = fips && !staysPlain ? "\(service.endpointPrefix)-fips" : service.endpointPrefix
        return "\(prefix).\(region).\(suffix(region: region, dualStack: dualStack))"
    }

    /// By partition: aws-cn and aws-eusc have suffixes of their own, aws and aws-us-gov share one.
    private static func suffix(region: String, dualStack: Bool) -> String {
        if region.hasPrefix("cn-") { return dualStack ? "api.amazonwebservices.com.cn" : "amazonaws.com.cn" }
        if region.hasPrefix("eusc-") { return dualStack ? "api.amazonwebservices.eu" : "amazonaws.eu" }
        return dualStack ? "api.aws" : "amazonaws.com"
    }

    private static func isTrue(_ text: String?) -> Bool { text?.lowercased() == "true" }
}
