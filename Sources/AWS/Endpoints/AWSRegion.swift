/// Which region a request is for.
public enum AWSRegion {
    /// The first of: what the configuration says, the one in the name of an AMP host (which takes signatures
    /// for no other, while ECS sets `AWS_REGION` to the task's), `AWS_REGION`, `AWS_DEFAULT_REGION`, the
    /// profile's. Empty text counts as nothing. Nil when none of them says one.
    public static func resolve(
        configured: String?, environment: [String: String], profileRegion: String?, remoteWriteHost: String?
    ) -> String? {
        let named = [
            configured, remoteWriteHost.flatMap { ofAMP(host: $0) }, environment["AWS_REGION"],
            environment["AWS_DEFAULT_REGION"], profileRegion,
        ]
        return named.compactMap { $0 }.first { !$0.isEmpty }
    }

    /// The region in `aps-workspaces.<region>.amazonaws.com`, its FIPS and dual-stack forms and its VPC
    /// endpoints (`vpce-….aps-workspaces.<region>.vpce.amazonaws.com`); nil for any other host.
    public static func ofAMP(host: String) -> String? {
        let name = host.lowercased().prefix { $0 != ":" }
        let suffixes = [".amazonaws.com", ".api.aws", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"]
        guard suffixes.contains(where: { name.hasSuffix($0) }) else { return nil }
        let labels = name.split(separator: ".").map(String.init)
        let index = labels.firstIndex {
            ["aps-workspaces", "aps-workspaces-fips", "aps", "aps-fips"].contains($0)
        }
        guard let index, index + 1 < labels.count, isRegion(labels[index + 1]) else { return nil }
        return labels[index + 1]
    }

    /// Letters, digits and dashes, at least one dash: what may stand in a host name and a credential scope.
    static func isRegion(_ text: String) -> Bool {
        text.utf8.count <= 64 && text.utf8.contains(0x2D) && text.utf8.first != 0x2D && text.utf8.last != 0x2D
            && text.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D }
    }
}
