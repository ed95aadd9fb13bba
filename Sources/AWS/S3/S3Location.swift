/// An object by its bucket and key, as `s3://bucket/key` writes it.
public struct S3Location: Sendable, Equatable {
    public static let scheme = "s3://"

    public let bucket: String
    /// As it is, nothing encoded; may hold slashes, question marks, anything.
    public let key: String

    /// Throws what is wrong with the text.
    public init(_ text: String) throws(AWSError) {
        func wrong(_ message: String) -> AWSError { AWSError(.malformed, message: message, operation: text) }
        guard text.hasPrefix(Self.scheme) else { throw wrong("it does not begin with \(Self.scheme)") }
        // Bytes: a combining mark behind a slash is no part of it.
        let rest = text.utf8.dropFirst(Self.scheme.utf8.count)
        let name = rest.prefix { $0 != UInt8(ascii: "/") }
        guard Self.isBucket(name) else {
            throw wrong(
                "behind \(Self.scheme) stands the name of a bucket: 3 to 63 lower-case letters, digits, "
                    + "dots and dashes")
        }
        let key = rest[name.endIndex...].dropFirst()
        guard (1...1_024).contains(key.count) else {
            throw wrong("behind the bucket stands the object's key, as in \(Self.scheme)bucket/narthex.yml")
        }
        bucket = String(decoding: name, as: UTF8.self)
        self.key = String(decoding: key, as: UTF8.self)
    }

    /// Where the object is at S3's `endpoint`, which has no slash at its end. The bucket is part of the host,
    /// as AWS wants it, or the first segment of the path: for endpoints that somebody gave (a stand-in, a VPC
    /// endpoint), whose host may know no names below it, and for buckets with dots, which no certificate
    /// covers.
    func url(endpoint: String, isGiven: Bool) -> String {
        let path = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { PercentEncoding.encode($0) }.joined(separator: "/")
        let secure = "https://"
        guard !isGiven, !bucket.utf8.contains(UInt8(ascii: ".")), endpoint.hasPrefix(secure) else {
            return "\(endpoint)/\(bucket)/\(path)"
        }
        return "\(secure)\(bucket).\(endpoint.dropFirst(secure.count))/\(path)"
    }

    private static func isBucket(_ name: some Collection<UInt8>) -> Bool {
        func isInner(_ byte: UInt8) -> Bool { isEdge(byte) || byte == 0x2D || byte == 0x2E }
        func isEdge(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
        guard (3...63).contains(name.count), name.allSatisfy(isInner) else { return false }
        return isEdge(name.first ?? 0) && Array(name).last.map(isEdge) == true
    }
}
