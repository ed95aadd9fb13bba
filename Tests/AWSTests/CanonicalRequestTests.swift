import Cryptography
import FoundationEssentials
import HTTPTransport
import Platform
import Testing

@testable import AWS

/// awslabs' aws-c-auth signing test suite, header form. The vectors live beside the project, not in it.
struct SigV4Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let method: String
    let target: String
    let headers: [HTTPHeader]
    let body: [UInt8]
    let context: Context

    var testDescription: String { name }

    struct Context: Decodable, Sendable {
        struct Keys: Decodable, Sendable {
            let accessKeyId: String
            let secretAccessKey: String
            let token: String?
        }
        let credentials: Keys
        let region: String
        let service: String
        let timestamp: String
        let normalize: Bool
        let signBody: Bool
        let omitSessionToken: Bool?
    }

    /// `$NARTHEX_SHARED/vectors/sigv4`, else `../shared` of the package.
    static let folder: String = {
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let shared = ProcessInfo.processInfo.environment["NARTHEX_SHARED"] ?? "/\(package)/../shared"
        return "\(shared)/vectors/sigv4"
    }()

    static let all: [SigV4Vector] = {
        guard let names = try? POSIXFiles().list(folder) else {
            print(
                "SKIPPED: no SigV4 vectors at \(folder); set NARTHEX_SHARED to the folder that has them"
            )
            return []
        }
        return names.compactMap { try? SigV4Vector(name: $0) }
    }()

    init(name: String) throws {
        self.name = name
        let bytes = try Self.read(name, "request.txt")
        // Head and body are parted by an empty line; a head without a body may lack it.
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "\n\n", maxSplits: 1)
        var lines = (parts.first ?? "").split(separator: "\n").map(String.init)
        body = parts.count == 2 ? Array(parts[1].utf8) : []
        let words = lines.removeFirst().split(separator: " ")
        method = String(words[0])
        // The target itself may have spaces: all between the method and the version.
        target = words.dropFirst().dropLast().joined(separator: " ")
        var headers: [HTTPHeader] = []
        for line in lines {
            if line.first == " ", let last = headers.popLast() {
                headers.append(HTTPHeader(name: last.name, value: last.value + "\n" + line))
            } else {
                let field = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                headers.append(HTTPHeader(name: String(field[0]), value: String(field[1])))
            }
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        context = try decoder.decode(Context.self, from: Data(Self.read(name, "context.json")))
        if context.signBody {
            headers.append(HTTPHeader(name: "x-amz-content-sha256", value: SHA256.hex(bytes: body)))
        }
        self.headers = headers
    }

    func expected(_ file: String) throws -> String {
        var text = String(decoding: try Self.read(name, file), as: UTF8.self)
        while text.last == "\n" { text.removeLast() }
        return text
    }

    private static func read(_ name: String, _ file: String) throws -> [UInt8] {
        try POSIXFiles().contents(of: "\(folder)/\(name)/\(file)", limitBytes: 1 << 20)
    }
}

struct CanonicalRequestTests {
    @Test(.enabled(if: !SigV4Vector.all.isEmpty, "the vectors are not beside the project"))
    func allVectorsAreThere() {
        #expect(SigV4Vector.all.count == 38)
        #expect(SigV4Vector.all.count { $0.name.hasSuffix("-unnormalized") } == 7)
    }

    @Test(arguments: SigV4Vector.all)
    func vectorIsSignedExactly(vector: SigV4Vector) throws {
        let context = vector.context
        let signer = SigV4Signer(
            region: context.region, service: context.service, normalizesPath: context.normalize,
            signsSessionToken: context.omitSessionToken != true)
        let keys = Credentials(
            accessKeyID: context.credentials.accessKeyId,
            secretAccessKey: context.credentials.secretAccessKey,
            sessionToken: context.credentials.token)
        let timestampMs = try #require(Timestamp.parseRFC3339(context.timestamp))
        // Some targets hold spaces, which no URL has; what can be asked goes through a URL all the same.
        let url = "https://example.amazonaws.com" + vector.target
        let parts = vector.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // The two form vectors alone hash their body; the others have none.
        let hash = SHA256.hex(bytes: vector.body)

        let time = SigningTime(timestampMs)
        let canonical = signer.canonicalRequest(
            method: vector.method, host: "example.amazonaws.com", path: String(parts[0]),
            query: parts.count > 1 ? String(parts[1]) : "", headers: vector.headers, payloadSHA256Hex: hash,
            credentials: keys, at: time)
        #expect(canonical.text == (try vector.expected("header-canonical-request.txt")))
        let toSign = signer.stringToSign(canonical, at: time)
        #expect(toSign == (try vector.expected("header-string-to-sign.txt")))
        let signature = signer.signature(of: toSign, credentials: keys, on: time.date)
        #expect(signature == (try vector.expected("header-signature.txt")))

        let method = try #require(HTTPMethod(rawValue: vector.method))
        let added = signer.sign(
            method: method, host: "example.amazonaws.com", path: String(parts[0]),
            query: parts.count > 1 ? String(parts[1]) : "", headers: vector.headers, payloadSHA256Hex: hash,
            credentials: keys, timestampMs: timestampMs)
        if !vector.target.utf8.contains(0x20) {
            let same = try signer.sign(
                method: method, url: url, headers: vector.headers, payloadSHA256Hex: hash, credentials: keys,
                timestampMs: timestampMs)
            #expect(same.map(\.value) == added.map(\.value))
        }
        let signed = try vector.expected("header-signed-request.txt").split(separator: "\n").map(String.init)
        for header in added { #expect(signed.contains("\(header.name):\(header.value)"), "\(header.name)") }
        #expect(added.contains { $0.name == "X-Amz-Security-Token" } == (keys.sessionToken != nil))
    }
}
