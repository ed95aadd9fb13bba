/// What is said about endpoints besides region and service: AWS' pages "Service-specific endpoints",
/// "Dual-stack and FIPS endpoints" and "AWS STS Regional endpoints".
public struct EndpointSettings: Sendable, Equatable {
    /// STS in one place for all of the partition `aws`, signed for this region.
    static let globalSTS = "https://sts.amazonaws.com"
    static let globalSTSRegion = "us-east-1"
    /// Regions older than regional STS endpoints; `legacy` means the global one in these alone.
    private static let globalSTSRegions: Set<String> = [
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "aws-global", "ca-central-1",
        "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
        "us-east-2", "us-west-1", "us-west-2",
    ]

    public var usesFIPS: Bool
    public var usesDualStack: Bool
    private let usesLegacySTS: Bool
    /// Endpoints given, by the service's name in variables; empty key: for all.
    private var urls: [String: String] = [:]

    /// `profile` are the settings of the profile in use, `services` those of the section its `services`
    /// names. A variable comes before the profile; a service's own URL before the general one of the same
    /// place.
    public init(
        environment: [String: String], profile: [String: String] = [:], services: [String: String] = [:]
    ) {
        func value(_ name: String) -> String? {
            [environment["AWS_\(name.uppercased())"], profile[name]].compactMap { $0 }.first { !$0.isEmpty }
        }
        func isTrue(_ name: String) -> Bool { value(name)?.lowercased() == "true" }
        usesFIPS = isTrue("use_fips_endpoint")
        usesDualStack = isTrue("use_dualstack_endpoint")
        usesLegacySTS = value("sts_regional_endpoints")?.lowercased() == "legacy"
        if isTrue("ignore_configured_endpoint_urls") { return }
        if let url = profile["endpoint_url"] { urls[""] = url }
        for (service, lines) in services {
            if let url = Self.nested(lines)["endpoint_url"] { urls[service.uppercased()] = url }
        }
        if let url = environment["AWS_ENDPOINT_URL"], !url.isEmpty {
            // Before whatever the files say, of one service too.
            urls = ["": url]
        }
        let prefix = "AWS_ENDPOINT_URL_"
        for (name, url) in environment where name.hasPrefix(prefix) && !url.isEmpty {
            urls[String(name.dropFirst(prefix.count))] = url
        }
        urls = urls.filter { !$0.value.isEmpty }
    }

    /// What stands in place of the service's own host.
    func url(for service: AWSService) -> String? { urls[service.environmentSuffix] ?? urls[""] }

    /// True when STS is asked in its one global place though the region is known.
    func usesGlobalSTS(in region: String) -> Bool {
        usesLegacySTS && !usesFIPS && !usesDualStack && Self.globalSTSRegions.contains(region)
    }

    /// `key = value` lines below a key of the shared config file.
    private static func nested(_ lines: String) -> [String: String] {
        var found: [String: String] = [:]
        for line in lines.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals].filter { $0 != " " && $0 != "\t" }
            var value = line[line.index(after: equals)...].drop { $0 == " " || $0 == "\t" }
            while let last = value.last, last == " " || last == "\t" { value.removeLast() }
            found[key.lowercased()] = String(value)
        }
        return found
    }
}
