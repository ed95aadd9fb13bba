import Cryptography
import Configuration
import HTTPTransport

/// What options make of the texts of their files.
struct AccessMaterial: Sendable {
    /// Headers that say who asks: for the host of the request alone, never for one that it redirects to.
    var identity: [HTTPHeader] = []
    /// Headers whose values stand in the configuration in the open.
    var open: [HTTPHeader] = []
    var tls = HTTPConnectionOptions.TLS()
    /// For OAuth 2.
    var clientSecret: String?
}

/// Which files options name, and what their texts become.
struct AccessPlan: Sendable {
    private let options: HTTPClientOptions

    init(_ options: HTTPClientOptions) { self.options = options }

    /// Every file, none twice, sorted by path.
    var files: [NamedFile] {
        var sources: [(TextSource?, String)] = [
            (options.tls.authority, "ca_file"), (options.tls.certificate, "cert_file"),
            (options.tls.key, "key_file"),
        ]
        switch options.authentication {
        case .none: break
        case .basic(let username, let password):
            sources += [(username, "username_file"), (password, "password_file")]
        case .authorization(_, let credentials):
            sources.append((credentials, "credentials_file or bearer_token_file"))
        case .oauth2(let block): sources.append((block.clientSecret, "client_secret_file"))
        }
        var keys: [String: String] = [:]
        for (source, key) in sources {
            if case .file(let path)? = source, keys[path] == nil { keys[path] = key }
        }
        for header in options.headers {
            for path in header.files where keys[path] == nil {
                keys[path] = "http_headers.\(header.name).files"
            }
        }
        return keys.map { NamedFile(path: $0.key, key: $0.value) }.sorted { $0.path < $1.path }
    }

    /// `contents` gives a file's bytes.
    func material(_ contents: (String) throws(HTTPError) -> [UInt8]) throws(HTTPError) -> AccessMaterial {
        var material = AccessMaterial()
        func text(_ source: TextSource?) throws(HTTPError) -> String {
            switch source {
            case nil: ""
            case .text(let secret): secret.revealed
            case .file(let path): Self.trimmed(try contents(path))
            }
        }
        func bytes(_ source: TextSource?) throws(HTTPError) -> [UInt8]? {
            switch source {
            case nil: nil
            case .text(let secret): Array(secret.revealed.utf8)
            case .file(let path): try contents(path)
            }
        }
        var authorization: String?
        switch options.authentication {
        case .none: break
        case .basic(let username, let password):
            let pair = "\(try text(username)):\(try text(password))"
            authorization = "Basic \(Base64.text(Array(pair.utf8)))"
        case .authorization(let type, let credentials):
            let value = try text(credentials)
            authorization = value.isEmpty ? type : "\(type) \(value)"
        case .oauth2(let block): material.clientSecret = try text(block.clientSecret)
        }
        if let authorization {
            material.identity.append(HTTPHeader(name: "Authorization", value: authorization))
        }
        for header in options.headers {
            for value in header.values { material.open.append(HTTPHeader(name: header.name, value: value)) }
            for secret in header.secrets {
                material.identity.append(HTTPHeader(name: header.name, value: secret.revealed))
            }
            for path in header.files {
                let value = Self.trimmed(try contents(path))
                material.identity.append(HTTPHeader(name: header.name, value: value))
            }
        }
        let tls = options.tls
        material.tls = HTTPConnectionOptions.TLS(
            authority: try bytes(tls.authority), certificate: try bytes(tls.certificate),
            key: try bytes(tls.key), serverName: tls.serverName, skipsVerification: tls.insecureSkipVerify,
            minVersion: Self.version(tls.minVersion) ?? .tls12, maxVersion: Self.version(tls.maxVersion))
        return material
    }

    private static func version(_ version: TLSOptions.Version?) -> HTTPConnectionOptions.TLSVersion? {
        switch version {
        case nil: nil
        case .tls10: .tls10
        case .tls11: .tls11
        case .tls12: .tls12
        case .tls13: .tls13
        }
    }

    /// A file's text without white space around it: editors end files with a line end.
    static func trimmed(_ bytes: [UInt8]) -> String {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        let start = bytes.firstIndex { !isSpace($0) } ?? bytes.endIndex
        let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}
