public import Platform

/// Which of the places that may name a configuration is used. A flag comes before a variable, and a variable
/// before the default file.
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

    /// What is read where nothing else names a configuration: Prometheus' default, in the working directory,
    /// or the path that an image has in its environment.
    public static func defaultFile(_ environment: [String: String]) -> String {
        environment[defaultVariable].flatMap { $0.isEmpty ? nil : $0 } ?? "prometheus.yml"
    }

    private static let defaultVariable = "NARTHEX_DEFAULT_CONFIG_FILE"

    private static let ownVariable = "NARTHEX_REMOTE_WRITE_URL"
    /// What the containers that Narthex replaces read: the place of a file, and a file's content.
    private static let objectPlace = "S3_CONFIG_LOCATION"
    private static let places = [objectPlace, "CONFIG_LOCATION"]
    private static let content = "ECS_CONFIG_CONTENT"

    /// `configFile` and `remoteWriteURL` are the flags' values. A variable that is empty, or holds only
    /// space, is not set; space around its value, such as a line end, is no part of it.
    ///
    /// The containers that Narthex replaces write the file that a variable names to the path that the flag
    /// names. So where that path is not there and such a variable is, the variable is used, with a warning.
    public static func choice(
        configFile: String?, remoteWriteURL: String?, environment: [String: String],
        files: any FileDoor = POSIXFiles()
    ) -> Choice {
        // What cannot be looked at is not missing: reading it says why.
        if let configFile, case .path(let path)? = try? ConfigurationLocation(configFile),
            let status = try? Optional(files.status(path)), status == nil
        {
            let others = environment.filter { (places + [content]).contains($0.key) }
            // Without ./prometheus.yml, which nobody has asked for.
            var found = choice(others, files: nil)
            if case .file(let place) = found.place {
                let shown = (try? ConfigurationLocation(place))?.shown ?? "a variable"
                found.warnings.append(
                    "--config.file names \(path), which is not there: \(shown) is used in its place")
                return found
            }
        }
        return flagged(configFile, remoteWriteURL, environment) ?? choice(environment, files: files)
    }

    private static func variable(_ name: String, _ environment: [String: String]) -> String? {
        let text = (environment[name] ?? "")[...]
        let value = text.trimmingPrefix(while: \.isWhitespace)
        let end = value.lastIndex { !$0.isWhitespace }
        return end.map { String(value[...$0]) }
    }

    private static func unused(
        _ names: [String], for first: String, _ environment: [String: String]
    ) -> [String] {
        names.filter { variable($0, environment) != nil }
            .map { "\($0) is not used: \(first) comes before it" }
    }

    /// What a flag names; nil where none is given.
    private static func flagged(
        _ configFile: String?, _ remoteWriteURL: String?, _ environment: [String: String]
    ) -> Choice? {
        let all = [ownVariable] + places + [content]
        if let configFile {
            return Choice(
                place: .file(configFile), warnings: unused(all, for: "--config.file", environment))
        }
        guard let remoteWriteURL else { return nil }
        return Choice(
            place: .remoteWriteURL(remoteWriteURL),
            warnings: unused(all, for: "--remote-write.url", environment))
    }

    /// What variables name, or the file in the working directory where `files` is given.
    private static func choice(_ environment: [String: String], files: (any FileDoor)?) -> Choice {
        func variable(_ name: String) -> String? { Self.variable(name, environment) }
        func unused(_ names: [String], for first: String) -> [String] {
            Self.unused(names, for: first, environment)
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
        let file = defaultFile(environment)
        if let status = try? files?.status(file), !status.isDirectory {
            return Choice(place: .file(file), warnings: unusable)
        }
        guard !unusable.isEmpty else { return Choice() }
        return Choice(
            fault: unusable.joined(separator: "\n")
                + "\nGive --config.file, or a variable above, a path, s3://bucket/key, ssm:/parameter, "
                + "secretsmanager:id, env:NAME or https://…")
    }
}
