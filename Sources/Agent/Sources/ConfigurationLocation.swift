import AWS
import Addresses

/// Where a configuration is, as `--config.file` and the variables name it.
public enum ConfigurationLocation: Sendable, Equatable {
    /// A file or a pipe.
    case path(String)
    /// `s3://bucket/key`
    case object(S3Place)
    /// `ssm:/name`, `ssm:name:VERSION` or `ssm:ARN`.
    case parameter(String)
    /// `secretsmanager:ID`, a name or an ARN; with `#KEY` the member KEY of a secret that is a JSON object.
    case secret(id: String, jsonKey: String?)
    /// `env:NAME`
    case variable(String)
    /// `https://…`, or `http://…` on loopback.
    case web(String)

    /// An object of S3 by its text, whose form was checked.
    public struct S3Place: Sendable, Equatable {
        let location: S3Location
    }

    /// What is wrong with a text, with what to write instead. Holds no password: the text is quoted only
    /// where it is shown to hold none.
    public struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    private static let parameterScheme = "ssm:"
    private static let secretScheme = "secretsmanager:"
    private static let variableScheme = "env:"
    /// Schemes that people of other tools write.
    private static let foreign = [
        "gs://": "Google Cloud Storage", "gcs://": "Google Cloud Storage", "azblob://": "Azure Blob Storage",
        "file://": "", "ftp://": "FTP",
    ]

    /// Reads a text. Everything without one of the schemes is a path.
    public init(_ text: String) throws(Fault) {
        guard !text.isEmpty else { throw Fault(description: "the location is empty") }
        // A NUL would end the path, or the name, for the kernel.
        guard !text.utf8.contains(0) else { throw Fault(description: "the location has a NUL in it") }
        if text.hasPrefix(S3Location.scheme) {
            do throws(AWSError) {
                self = .object(S3Place(location: try S3Location(text)))
            } catch {
                throw Fault(description: error.message)
            }
        } else if let name = Self.rest(text, Self.parameterScheme) {
            self = try Self.checkedParameter(name)
        } else if let rest = Self.rest(text, Self.secretScheme) {
            self = try Self.checkedSecret(rest)
        } else if let name = Self.rest(text, Self.variableScheme) {
            self = try Self.checkedVariable(name)
        } else if Self.isWeb(text) {
            self = try Self.checkedWeb(text)
        } else if let (scheme, name) = Self.foreign.first(where: { text.lowercased().hasPrefix($0.key) }) {
            throw Fault(
                description: scheme == "file://"
                    ? "a path stands without file://"
                    : "\(name) is not read; a location is a path, s3://bucket/key, ssm:/parameter,"
                        + " secretsmanager:id, env:NAME or https://…")
        } else {
            self = .path(text)
        }
    }

    /// As errors and logs may name it: a URL without user and query, a secret without its key's name.
    public var shown: String {
        switch self {
        case .path(let path): path
        case .object(let place): "\(S3Location.scheme)\(place.location.bucket)/\(place.location.key)"
        case .parameter(let name): "\(Self.parameterScheme)\(name)"
        case .secret(let id, let key): "\(Self.secretScheme)\(id)\(key.map { "#\($0)" } ?? "")"
        case .variable(let name): "\(Self.variableScheme)\(name)"
        case .web(let url): HTTPURL.shown(url)
        }
    }

    /// Whether it is in S3.
    var isObject: Bool {
        if case .object = self { true } else { false }
    }

    /// Whether it is not on this machine.
    var isRemote: Bool {
        switch self {
        case .path, .variable: false
        case .object, .parameter, .secret, .web: true
        }
    }

    private static func rest(_ text: String, _ scheme: String) -> String? {
        text.utf8.starts(with: scheme.utf8)
            ? String(decoding: text.utf8.dropFirst(scheme.utf8.count), as: UTF8.self) : nil
    }

    /// Names of Parameter Store: letters, digits, `. - _ /`, and a colon before a version or in an ARN.
    private static func checkedParameter(_ name: String) throws(Fault) -> Self {
        guard !name.hasPrefix("//") else {
            throw Fault(
                description: "a parameter's name stands right behind ssm:, as in ssm:/narthex/configuration")
        }
        let isName = name.utf8.allSatisfy {
            isAlphanumeric($0) || [0x2D, 0x2E, 0x2F, 0x3A, 0x5F].contains($0)
        }
        guard !name.isEmpty, name.utf8.count <= 2_048, isName else {
            throw Fault(
                description: "behind ssm: stands the name or ARN of a parameter: letters, digits, dots,"
                    + " dashes, underscores and slashes")
        }
        return .parameter(name)
    }

    /// Names of Secrets Manager: letters, digits and `/ _ + = . @ -`, and colons in an ARN.
    private static func checkedSecret(_ rest: String) throws(Fault) -> Self {
        let parts = rest.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let id = String(parts.first ?? "")
        let isID = id.utf8.allSatisfy {
            isAlphanumeric($0) || [0x2F, 0x5F, 0x2B, 0x3D, 0x2E, 0x40, 0x2D, 0x3A].contains($0)
        }
        guard !id.isEmpty, !id.hasPrefix("//"), id.utf8.count <= 2_048, isID else {
            throw Fault(
                description: "behind secretsmanager: stands the name or ARN of a secret, as in"
                    + " secretsmanager:narthex/configuration")
        }
        guard parts.count == 1 || !parts[1].isEmpty else {
            throw Fault(
                description: "behind # stands the key of a secret that is a JSON object; leave the # out for"
                    + " the whole secret")
        }
        return .secret(id: id, jsonKey: parts.count == 2 ? String(parts[1]) : nil)
    }

    private static func checkedVariable(_ name: String) throws(Fault) -> Self {
        let isName = name.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x5F }
        guard isName, let first = name.utf8.first, !(0x30...0x39).contains(first) else {
            throw Fault(
                description: "behind env: stands the name of an environment variable: letters, digits and"
                    + " underscores")
        }
        return .variable(name)
    }

    private static func isWeb(_ text: String) -> Bool {
        let start = text.prefix(8).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }

    /// A configuration that goes over the network in clear text could be read and changed by others.
    private static func checkedWeb(_ text: String) throws(Fault) -> Self {
        let url: HTTPURL
        do throws(AddressError) { url = try HTTPURL(parsing: text) } catch {
            throw Fault(description: "the URL \(error)")
        }
        guard url.hostHeader != nil else { throw Fault(description: "the URL's host is not in ASCII") }
        guard !url.hasUser else {
            throw Fault(
                description: "the URL must not hold a user or password: command lines are seen by others")
        }
        guard url.scheme == .https || isLoopback(url.hostName) else {
            throw Fault(
                description: "a configuration is fetched by https only; http is taken on loopback (127.0.0.1,"
                    + " localhost, [::1])")
        }
        return .web(text)
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E })
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
