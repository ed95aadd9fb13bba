public import Platform

/// Which of the places that may name a configuration is used. A flag comes before a variable, and a variable
/// before `./prometheus.yml`.
public enum ConfigurationPlace: Sendable, Equatable {
    /// A location as `ConfigurationLocation` reads it.
    case file(String)
    /// No file: a configuration is made from this URL and the environment.
    case remoteWriteURL(String)
    /// Nothing names one.
    case nowhere

    /// What was found, and what is to be said of it.
    public struct Choice: Sendable, Equatable {
        public var place = ConfigurationPlace.nowhere
        /// Variables that are set and not used; sentences for the log.
        public var warnings: [String] = []
        /// Where the place is `nowhere`: why what names a configuration cannot be used.
        public var fault: String?
    }

    /// Prometheus' default, in the working directory.
    public static let defaultFile = "prometheus.yml"

    private static let ownVariable = "NARTHEX_REMOTE_WRITE_URL"
    /// What the containers that Narthex replaces read: the place of a file, and a file's content.
    private static let objectPlace = "S3_CONFIG_LOCATION"
    private static let places = [objectPlace, "CONFIG_LOCATION"]
    private static let content = "ECS_CONFIG_CONTENT"

    /// `configFile` and `remoteWriteURL` are the flags' values. A variable that is empty is not set.
    public static func choice(
        configFile: String?, remoteWriteURL: String?, environment: [String: String],
        files: any FileDoor = POSIXFiles()
    ) -> Choice {
        func variable(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        func unused(_ names: [String], for first: String) -> [String] {
            names.filter { variable($0) != nil }.map { "\($0) is not used: \(first) comes before it" }
        }
        let all = [ownVariable] + places + [content]
        if let configFile {
            return Choice(place: .file(configFile), warnings: unused(all, for: "--config.file"))
        }
        if let remoteWriteURL {
            return Choice(
                place: .remoteWriteURL(remoteWriteURL), warnings: unused(all, for: "--remote-write.url"))
        }
        if let url = variable(ownVariable) {
            return Choice(
                place: .remoteWriteURL(url), warnings: unused(places + [content], for: ownVariable))
        }
        var unusable: [String] = []
        for (index, name) in places.enumerated() {
            guard let value = variable(name) else { continue }
            do throws(ConfigurationLocation.Fault) {
                let location = try ConfigurationLocation(value)
                if name == objectPlace, !location.isObject {
                    throw ConfigurationLocation.Fault(
                        description: "it names no object in S3 (s3://bucket/key)")
                }
                let rest = Array(places[(index + 1)...]) + [content]
                return Choice(place: .file(value), warnings: unusable + unused(rest, for: name))
            } catch {
                // The value may be an address with a password, so it is not shown.
                unusable.append("\(name) is not used: \(error)")
            }
        }
        if variable(content) != nil {
            return Choice(place: .file("env:\(content)"), warnings: unusable)
        }
        // Where it cannot be looked at, reading it says why.
        if let status = try? files.status(defaultFile), !status.isDirectory {
            return Choice(place: .file(defaultFile), warnings: unusable)
        }
        guard !unusable.isEmpty else { return Choice() }
        return Choice(
            fault: unusable.joined(separator: "\n")
                + "\nGive --config.file, or a variable above, a path, s3://bucket/key, ssm:/parameter, "
                + "secretsmanager:id, env:NAME or https://…")
    }
}
