import AWS
import Addresses
import Configuration
import Cryptography
import HTTPTransport
import JSON
import Logging
import Platform

/// Reads the bytes of a location, with their version.
struct ConfigurationFetcher: Sendable {
    /// A pipe's writer has this long for each piece.
    private static let pipeWaitMs: Int64 = 30_000
    private static let redirectLimit = 5

    /// The bytes of a source.
    struct Fetched: Sendable, Equatable {
        let bytes: [UInt8]
        let version: String
    }

    /// The ways out of the process.
    struct Ways: Sendable {
        let aws: AWSAccess
        /// Goes by a proxy where the environment says so.
        let web: any HTTPPerforming
        /// Reads files of an agent that runs, so that a folder of the network that hangs holds up nothing
        /// else; nil at the start, which waits for its configuration anyway.
        var fileWorkers: WorkerPool?
        /// One exchange with a server of the web, milliseconds.
        var webTimeoutMs = CallPatience().attemptTimeoutMs
    }

    let environment: [String: String]
    let files: any FileDoor
    /// Longest text taken.
    var limitBytes = Configuration.documentLimitBytes

    /// The bytes; nil where the source still has `version`. `ways` is asked for where a service is.
    func fetch(
        _ location: ConfigurationLocation, unless version: String? = nil, by ways: Ways?
    ) async throws(SourceFault) -> Fetched? {
        switch location {
        case .path(let path):
            guard let workers = ways?.fileWorkers else { return try file(path, unless: version) }
            return try await workers.run {
                Result { () throws(SourceFault) -> Fetched? in
                    try self.file(path, unless: version, isAgain: true)
                }
            }.get()
        case .variable(let name): return try variable(name, unless: version)
        default: break
        }
        guard let ways else {
            throw SourceFault("it is not on this machine, and nothing else is asked here")
        }
        let role = Self.ownRole(environment)
        switch location {
        case .object(let place):
            return try await object(
                S3Source(location: place.location, role: role), unless: version, by: ways)
        case .parameter(let name):
            return try await parameter(name, role: role, unless: version, by: ways)
        case .secret(let id, let key):
            return try await secret(SecretSource(id: id, jsonKey: key), role: role, unless: version, by: ways)
        case .web(let url): return try await web(WebSource(url: url), unless: version, by: ways)
        case .path, .variable: preconditionFailure("these two were read above")
        }
    }

    /// By the composer's names: who reads the configuration itself, not what a job names.
    static func ownRole(_ environment: [String: String]) -> DocumentRole {
        func filled(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        return DocumentRole(
            arn: filled("CONFIG_IAM_ROLE_ARN"), externalID: filled("CONFIG_IAM_EXTERNAL_ID"))
    }

    // MARK: - This machine

    /// The version is taken before the bytes: a change in between is seen at the next look. What a pipe has
    /// given it does not give again.
    private func file(
        _ path: String, unless version: String?, isAgain: Bool = false
    ) throws(SourceFault) -> Fetched? {
        do throws(FileError) {
            let status = try files.status(path)
            let isPipe = status.map { !$0.isRegular && !$0.isDirectory } ?? false
            if !isPipe {
                let found = Self.version(of: status)
                if found == version { return nil }
                return Fetched(bytes: try files.contents(of: path, limitBytes: limitBytes), version: found)
            }
            if !isAgain {
                let bytes = try POSIXFiles().streamed(
                    from: path, limitBytes: limitBytes, waitMs: Self.pipeWaitMs)
                return Fetched(bytes: bytes, version: Self.version(of: bytes))
            }
        } catch {
            throw SourceFault(error.message)
        }
        throw SourceFault("it is a pipe or a device, which cannot be read again")
    }

    private static func version(of status: FileStatus?) -> String {
        status.map { "\($0.modifiedNs) \($0.inode) \($0.length)" } ?? ""
    }

    private static func version(of bytes: [UInt8]) -> String { "sha256 \(SHA256.hex(bytes: bytes))" }

    private func variable(_ name: String, unless version: String?) throws(SourceFault) -> Fetched? {
        guard let value = environment[name], !value.isEmpty else {
            throw SourceFault("the environment has no \(name)")
        }
        return fetched(Array(value.utf8), nil, unless: version)
    }

    /// Nil where the version is `known`. A source that gives no version has the hash of its bytes for one.
    private func fetched(_ bytes: [UInt8], _ version: String?, unless known: String?) -> Fetched? {
        let version = version ?? Self.version(of: bytes)
        return version == known ? nil : Fetched(bytes: bytes, version: version)
    }

    // MARK: - AWS

    /// An object, and who reads it.
    struct S3Source: Sendable {
        let location: S3Location
        let role: DocumentRole
    }

    /// A secret and the part of it that is meant.
    struct SecretSource: Sendable {
        let id: String
        var versionID: String?
        var versionStage: String?
        var jsonKey: String?
    }

    func object(
        _ source: S3Source, unless version: String? = nil, by ways: Ways
    ) async throws(SourceFault) -> Fetched? {
        do throws(AWSError) {
            let found = try await ways.aws.object(
                source.location, unless: version, limitBytes: limitBytes, role: source.role)
            return found.flatMap { fetched($0.bytes, $0.version, unless: version) }
        } catch {
            throw Self.fault(error, needs: "s3:GetObject on the object", policy: "config-s3.json")
        }
    }

    func parameter(
        _ name: String, role: DocumentRole, unless version: String? = nil, by ways: Ways
    ) async throws(SourceFault) -> Fetched? {
        do throws(AWSError) {
            let found = try await ways.aws.parameter(name, limitBytes: limitBytes, role: role)
            return fetched(found.bytes, found.version, unless: version)
        } catch {
            throw Self.fault(error, needs: "ssm:GetParameter on the parameter", policy: "config-ssm.json")
        }
    }

    func secret(
        _ source: SecretSource, role: DocumentRole, unless version: String? = nil, by ways: Ways
    ) async throws(SourceFault) -> Fetched? {
        let found: StoredText
        do throws(AWSError) {
            found = try await ways.aws.secret(
                source.id, versionID: source.versionID, versionStage: source.versionStage,
                limitBytes: limitBytes, role: role)
        } catch {
            throw Self.fault(
                error, needs: "secretsmanager:GetSecretValue on the secret",
                policy: "config-secretsmanager.json")
        }
        guard let key = source.jsonKey else {
            return fetched(found.bytes, found.version, unless: version)
        }
        return fetched(try Self.member(key, of: found.bytes), found.version, unless: version)
    }

    /// The error never quotes the secret, nor the names of its keys.
    static func member(_ key: String, of bytes: [UInt8]) throws(SourceFault) -> [UInt8] {
        let root: JSONNode
        do throws(JSONError) { root = try JSONReader.read(bytes) } catch {
            throw SourceFault("the secret is no JSON object, so it has no keys; leave the # out")
        }
        guard case .object = root.content, let member = root[key] else {
            throw SourceFault("the secret is no JSON object with the key behind the #")
        }
        guard let text = member.string else {
            throw SourceFault("the value of the key behind the # is no string")
        }
        return Array(text.utf8)
    }

    private static func fault(_ error: AWSError, needs: String, policy: String) -> SourceFault {
        var message = "\(error)"
        if error.code == .accessDenied {
            message += "; the role needs \(needs) (config/iam/\(policy))"
            if policy == "config-s3.json" {
                message +=
                    ", and without s3:ListBucket an object that is not there is refused in the same words"
            }
        }
        return SourceFault(message, mayPass: error.mayPass, isCancelled: error.code == .cancelled)
    }

    // MARK: - The web

    /// A URL, and who asks.
    struct WebSource: Sendable {
        let url: String
        var username: String?
        var password: Secret?
    }

    /// A conditional GET. Redirects are followed where they do not lead to clear text; who asks is told to
    /// the first server only.
    func web(
        _ source: WebSource, unless version: String? = nil, by ways: Ways
    ) async throws(SourceFault) -> Fetched? {
        let known = version.flatMap { Validator($0) }
        var headers = known.map { [$0.condition] } ?? []
        if let username = source.username {
            let pair = "\(username):\(source.password?.revealed ?? "")"
            headers.append(
                HTTPHeader(name: "Authorization", value: "Basic \(Base64.text(Array(pair.utf8)))"))
        }
        var url = source.url
        for _ in 0...Self.redirectLimit {
            let response: HTTPResponse
            do throws(HTTPError) {
                response = try await ways.web.perform(
                    HTTPRequest(
                        url: url, headers: headers, timeoutMs: ways.webTimeoutMs,
                        bodyLimitBytes: limitBytes, acceptGzip: true))
            } catch {
                throw SourceFault(
                    error.message, mayPass: Self.mayPass(error.code), isCancelled: error.code == .cancelled)
            }
            if response.status == 304, known != nil { return nil }
            if response.status == 200 {
                return fetched(response.body.bytes, Validator(response.headers)?.text, unless: version)
            }
            guard [301, 302, 303, 307, 308].contains(response.status) else {
                throw SourceFault(
                    "\(HTTPURL.shown(url)) answers with the status \(response.status), not 200",
                    mayPass: response.status >= 500 || response.status == 429)
            }
            let (target, staysHome) = try Self.target(of: response, from: url)
            if !staysHome { headers.removeAll { $0.name == "Authorization" } }
            url = target
        }
        throw SourceFault("\(HTTPURL.shown(source.url)) leads to more than \(Self.redirectLimit) redirects")
    }

    /// Where a redirect leads, and whether that is the same server.
    private static func target(
        of response: HTTPResponse, from place: String
    ) throws(SourceFault) -> (url: String, staysHome: Bool) {
        let shown = HTTPURL.shown(place)
        guard let location = response.headers["Location"], !location.isEmpty else {
            throw SourceFault("\(shown) answers with a redirect that leads nowhere")
        }
        let from: HTTPURL
        let target: HTTPURL
        do throws(AddressError) {
            from = try HTTPURL(parsing: place)
            target = try from.resolving(location)
        } catch {
            throw SourceFault("\(shown) answers with a redirect that leads nowhere: \(error)")
        }
        // From the network to this machine it would reach what only this machine may ask.
        guard target.scheme == .https || from.scheme == .http && target.hostName == from.hostName,
            !target.hasUser
        else {
            throw SourceFault(
                "\(shown) answers with a redirect to \(target), which is not followed: it leads to clear"
                    + " text, or holds a user")
        }
        return (target.text, target.isSameOrigin(as: from))
    }

    private static func mayPass(_ code: HTTPError.Code) -> Bool {
        switch code {
        case .timeout, .resolve, .connect, .connectionReset, .truncated, .overloaded: true
        default: false
        }
    }

    /// What a server gives to ask it by whether something has changed (RFC 9110 §8.8).
    struct Validator: Equatable {
        private static let tagPrefix = "etag "
        private static let datePrefix = "modified "

        let text: String

        /// Nil for a version that is none of a server's.
        init?(_ text: String) {
            guard text.hasPrefix(Self.tagPrefix) || text.hasPrefix(Self.datePrefix) else { return nil }
            self.text = text
        }

        /// Nil where the answer has neither, or one that no header can hold.
        init?(_ headers: HTTPHeaders) {
            func isSendable(_ value: String) -> Bool {
                !value.isEmpty && value.utf8.count <= 512 && value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
            }
            if let tag = headers["ETag"], isSendable(tag) {
                text = Self.tagPrefix + tag
            } else if let date = headers["Last-Modified"], isSendable(date) {
                text = Self.datePrefix + date
            } else {
                return nil
            }
        }

        var condition: HTTPHeader {
            text.hasPrefix(Self.tagPrefix)
                ? HTTPHeader(name: "If-None-Match", value: String(text.dropFirst(Self.tagPrefix.count)))
                : HTTPHeader(name: "If-Modified-Since", value: String(text.dropFirst(Self.datePrefix.count)))
        }
    }
}
