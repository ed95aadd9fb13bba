import Addresses

/// The remote write URL of a workspace of Amazon Managed Service for Prometheus (AMP):
/// `https://aps-workspaces.REGION.amazonaws.com/workspaces/ID/api/v1/remote_write`. No
/// other URL of such a host takes samples.
public enum WorkspaceURL {
    private static let path = "/api/v1/remote_write"

    /// AMP refuses samples that are older than an hour.
    static let oldestTakenMs: Int64 = 60 * 60_000
    /// The age, in milliseconds, up to which samples are sent to AMP where `sample_age_limit` says none: five
    /// minutes less than it takes, for clocks that differ and the way there.
    public static let sampleAgeLimitMs: Int64 = 55 * 60_000

    /// Nil when `url` is none of a workspace, or the right one; else what is wrong, with the right one.
    public static func problem(_ url: String) -> String? {
        guard let parts = HTTPURL(url) else { return nil }
        let path = parts.writtenPath
        let segments = path.split(separator: "/").map(String.init)
        let index = segments.firstIndex(of: "workspaces")
        let workspace = index.flatMap { $0 + 1 < segments.count ? segments[$0 + 1] : nil }
        let isBare = workspace?.hasPrefix("ws-") == true && index.map { $0 + 2 == segments.count } == true
        guard isAMP(parts.hostName) || isBare else { return nil }
        if workspace != nil, path.hasSuffix("/workspaces/\(workspace ?? "")\(Self.path)") { return nil }
        let before = segments.prefix(index ?? 0).map { "/\($0)" }.joined()
        let prefix = index == nil ? "" : before
        return "is not where a workspace of Amazon Managed Service for Prometheus takes samples; write "
            + "\(parts.scheme.rawValue)://\(parts.writtenServer)\(prefix)/workspaces/"
            + "\(workspace ?? "WORKSPACE_ID")\(Self.path)"
    }

    /// The region that the host of a workspace's URL names; nil where it is no host of AMP.
    static func region(_ url: String) -> String? {
        guard let host = HTTPURL(url)?.hostName, isAMP(host) else { return nil }
        let labels = host.split(separator: ".").map(String.init)
        guard let index = labels.firstIndex(where: { $0.hasPrefix("aps-workspaces") }),
            index + 1 < labels.count, labels[index + 1].contains("-")
        else { return nil }
        return labels[index + 1]
    }

    /// Whether a URL is below a host of AMP.
    static func isOfAMP(_ url: String) -> Bool { region(url) != nil }

    /// Whether the URL's host is one of AMP, whatever its path.
    public static func hasHostOfAMP(_ url: String) -> Bool {
        HTTPURL(url).map { isAMP($0.hostName) } ?? false
    }

    /// Its hosts, those of FIPS and of VPC endpoints too; all are below a domain of AWS.
    private static func isAMP(_ name: String) -> Bool {
        let domains = [".amazonaws.com", ".api.aws", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"]
        return domains.contains { name.hasSuffix($0) }
            && name.split(separator: ".").contains { $0 == "aps-workspaces" || $0 == "aps-workspaces-fips" }
    }
}
