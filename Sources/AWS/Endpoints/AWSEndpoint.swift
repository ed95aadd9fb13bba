import Addresses

/// Where a service is, as the SDKs find it.
enum AWSEndpoint {
    /// Services whose host stays plain in the GovCloud regions even where FIPS is asked for, as all of it is
    /// FIPS (botocore's endpoint rules).
    private static let plainInGovCloud: Set<String> = ["sts", "ssm", "ec2"]

    /// The base URL, without a slash at its end. `configured` comes before what the settings say, that before
    /// the service's own host in its region.
    static func url(
        service: AWSService, region: String, configured: String?, settings: EndpointSettings
    ) throws(AWSError) -> String {
        if let url = given(for: service, configured: configured, settings: settings) {
            if let fault = fault(ofBase: url) {
                throw AWSError(
                    .malformed, message: "the endpoint configured \(fault)", operation: service.name)
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
        return "https://" + host(service: service, region: region, settings: settings)
    }

    /// What is wrong with a URL that paths are put behind, as the end of a sentence; nil where nothing is.
    static func fault(ofBase url: String) -> String? {
        do throws(AddressError) {
            let base = try HTTPURL(parsing: url)
            return base.query == nil && !base.hasFragment ? nil : "has a query or a fragment"
        } catch {
            return error.message
        }
    }

    /// What stands in place of the service's own host.
    static func given(
        for service: AWSService, configured: String?, settings: EndpointSettings
    ) -> String? {
        configured.flatMap { $0.isEmpty ? nil : $0 } ?? settings.url(for: service)
    }

    private static func host(service: AWSService, region: String, settings: EndpointSettings) -> String {
        let partition = Partition.of(region: region)
        let isDual = settings.usesDualStack
        let staysPlain =
            partition.name == "aws-us-gov" && !isDual && plainInGovCloud.contains(service.endpointPrefix)
        let prefix =
            settings.usesFIPS && !staysPlain ? "\(service.endpointPrefix)-fips" : service.endpointPrefix
        if service.endpointPrefix == "s3" {
            return "\(prefix)\(isDual ? ".dualstack" : "").\(region).\(partition.suffix)"
        }
        return "\(prefix).\(region).\(isDual ? partition.dualStackSuffix : partition.suffix)"
    }
}
