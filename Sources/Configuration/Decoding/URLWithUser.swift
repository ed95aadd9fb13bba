internal import Platform

/// A URL apart from the user and the password before its host (RFC 3986 §3.2.1), as Go's net/url takes it
/// apart: what stands before the last `@` is the user, and its first colon begins the password.
struct URLWithUser {
    /// What is sent as basic authentication; each may be empty.
    struct User {
        let name: Secret
        let password: Secret
    }

    /// Without the user, so that it may be shown.
    let url: String
    /// Nil where there is no `@` before the host, and where `fault` is not nil.
    let user: User?
    /// What is wrong with the user, as the end of a sentence that names the URL. It shows nothing of it.
    let fault: String?

    init(_ text: String) {
        let bytes = Array(text.utf8)
        let start = Self.authorityStart(bytes)
        let end = bytes[start...].firstIndex { Self.ends.contains($0) } ?? bytes.endIndex
        guard let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")) else {
            url = text
            user = nil
            fault = nil
            return
        }
        url = String(decoding: bytes[..<start] + bytes[(at + 1)...], as: UTF8.self)
        let colon = bytes[start..<at].firstIndex(of: UInt8(ascii: ":"))
        let name = Self.decoded(bytes[start..<(colon ?? at)])
        let password = Self.decoded(colon.map { bytes[($0 + 1)..<at] } ?? [])
        if let name, let password {
            user = User(name: Secret(name), password: Secret(password))
            fault = nil
        } else {
            user = nil
            fault =
                "has a user or password with a character that must be percent-encoded or is a place holder,"
                + " or with a % without two hexadecimal digits after it"
        }
    }

    private static let ends = Set("/?#".utf8)
    /// What may stand in a user besides letters and digits: the marks and delimiters of RFC 3986, and the `@`
    /// that Go takes as well.
    private static let marks = Set("-._~!$&'()*+,;=:@".utf8)

    /// Where the user and the host begin; the end where there is no scheme before them.
    private static func authorityStart(_ bytes: [UInt8]) -> Int {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon + 2 < bytes.count,
            bytes[colon + 1] == UInt8(ascii: "/"), bytes[colon + 2] == UInt8(ascii: "/")
        else { return bytes.endIndex }
        return colon + 3
    }

    /// The text that percent-encoded bytes stand for; nil where a byte may not stand there.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 1 < bytes.endIndex, let high = HexDigit.value(bytes[index]),
                    let low = HexDigit.value(bytes[index + 1])
                else { return nil }
                result.append(high << 4 | low)
                index += 2
                continue
            }
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: result.append(byte)
            case _ where marks.contains(byte): result.append(byte)
            default: return nil
            }
        }
        return String(validating: result, as: UTF8.self)
    }
}
