import Cryptography
import Synchronization

/// Signing keys, which hold for a day: four HMACs less for each request. Thread-safe.
final class SigningKeyCache: Sendable {
    private struct Name: Hashable {
        let date: String
        let region: String
        let service: String
        let keyID: String
    }

    private struct Entry {
        /// A corrected secret under the same key id must not meet the old key.
        let secretDigest: [UInt8]
        var key: [UInt8]
    }

    /// A few days, keys and regions; above it everything is derived anew.
    private static let limit = 16

    private let entries = Mutex<[Name: Entry]>([:])

    deinit { entries.withLock { Self.forget(&$0) } }

    /// The key for a `YYYYMMDD` date.
    func key(date: String, region: String, service: String, credentials: Credentials) -> [UInt8] {
        let name = Name(date: date, region: region, service: service, keyID: credentials.accessKeyID)
        var secret = Array(credentials.secretAccessKey.utf8)
        defer { Wipe.bytes(&secret) }
        // Safety: the span is borrowed inside the closure, which `secret` outlives.
        let digest = unsafe secret.withUnsafeBytes { unsafe SHA256.digest($0.bytes) }
        let known = entries.withLock { entries in
            entries[name].flatMap { $0.secretDigest == digest ? $0.key : nil }
        }
        if let known { return known }
        let key = Self.derive(secret: secret, date: date, region: region, service: service)
        entries.withLock { entries in
            if entries.count >= Self.limit { Self.forget(&entries) }
            entries[name] = Entry(secretDigest: digest, key: key)
        }
        return key
    }

    private static func derive(secret: [UInt8], date: String, region: String, service: String) -> [UInt8] {
        var key = Array("AWS4".utf8) + secret
        for part in [date, region, service, "aws4_request"] {
            let next = HMACSHA256.code(key: key, Array(part.utf8))
            Wipe.bytes(&key)
            key = next
        }
        return key
    }

    private static func forget(_ entries: inout [Name: Entry]) {
        for name in Array(entries.keys) {
            guard var entry = entries.removeValue(forKey: name) else { continue }
            Wipe.bytes(&entry.key)
        }
    }
}
