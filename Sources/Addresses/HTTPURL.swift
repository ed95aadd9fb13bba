/// An absolute http or https URL (RFC 3986), taken apart once: where its parts are in its bytes.
///
/// Takes what libcurl sends as it stands, and reads it as libcurl does; tests ask both. What libcurl would
/// rewrite into something else than a reader sees, or read otherwise than a browser does, is refused: slashes
/// other than two, a second `@`, a backslash before the path, percent signs in the host, numbers that are no
/// IPv4 address. Spaces and control characters are refused everywhere. Reading it needs no memory.
///
/// As text in logs it is its place, without user, password, query and fragment.
public struct HTTPURL: Sendable, Equatable, CustomStringConvertible {
    public enum Scheme: String, Sendable {
        case http
        case https

        /// The port where a URL names none.
        public var defaultPort: UInt16 { self == .http ? 80 : 443 }
    }

    /// libcurl makes no request of more than 1 MiB, headers included.
    static let limitBytes = 1 << 20

    /// As it was given, user and password included.
    public let text: String
    public let scheme: Scheme
    /// Whether there is an `@` before the host, with whatever stands before it.
    public let hasUser: Bool
    /// Whether there is a `#`. What follows it is never sent.
    public let hasFragment: Bool
    private let authority: Authority
    /// Whether host, path, query and fragment are.
    private let isASCII: Bool
    /// Whether the scheme is written in lower case.
    private let isLowerCase: Bool
    /// Host and port as they are written.
    private let server: Range<Int>
    private let pathRange: Range<Int>
    /// Without the question mark; nil where there is none.
    private let queryRange: Range<Int>?

    /// Nil when `text` is no such URL.
    public init?(_ text: String) {
        do throws(AddressError) { try self.init(parsing: text) } catch { return nil }
    }

    /// Throws what is wrong with `text`; the error does not show it.
    public init(parsing text: String) throws(AddressError) {
        let bytes = text.utf8.span
        guard bytes.count <= Self.limitBytes else { throw .length }
        guard let (scheme, start) = Self.scheme(bytes) else { throw .scheme }
        let (serverStart, authorityEnd) = try Self.server(bytes, from: start)
        authority = try Authority(bytes, serverStart..<authorityEnd)
        var isASCII = authority.isASCII
        var mark: Int?
        var fragment: Int?
        for index in authorityEnd..<bytes.count {
            let byte = bytes[index]
            // Most bytes end here.
            if byte > UInt8(ascii: "?"), byte < 0x7F { continue }
            // In a fragment, too: libcurl takes the text as a whole.
            guard byte > 0x20, byte != 0x7F else { throw .character }
            if byte >= 0x80 { isASCII = false }
            if byte == UInt8(ascii: "#"), fragment == nil { fragment = index }
            if byte == UInt8(ascii: "?"), mark == nil, fragment == nil { mark = index }
        }
        let end = fragment ?? bytes.count
        self.text = text
        self.scheme = scheme
        isLowerCase = (bytes[0] & bytes[1] & bytes[2] & bytes[3]) & 0x20 != 0
        hasUser = serverStart > start
        hasFragment = fragment != nil
        self.isASCII = isASCII
        server = serverStart..<authorityEnd
        pathRange = authorityEnd..<(mark ?? end)
        queryRange = mark.map { ($0 + 1)..<end }
    }

    // MARK: - Where it goes

    /// The host in lower case, without brackets and zone.
    public var hostName: String { text.part(authority.host).lowercased() }

    /// The host as an address; nil for a name.
    public var address: IPAddress? { authority.address }

    /// The host as it is written, with the brackets and the zone of an IPv6 address.
    public var writtenHost: String { String(text.part(server.lowerBound..<hostEnd)) }

    /// Host and port as they are written, without user.
    public var writtenServer: String { String(text.part(server)) }

    /// Whether a colon stands there without a port behind it.
    public var hasEmptyPort: Bool { authority.port == .empty }

    /// The port that is connected to.
    public var port: UInt16 { writtenPort ?? scheme.defaultPort }

    /// The port that stands there; nil where none does.
    public var writtenPort: UInt16? { if case .number(let port) = authority.port { port } else { nil } }

    /// The zone of an IPv6 address (RFC 4007 §11), as the kernel knows it.
    public var zone: String? { authority.zone.map { String(text.part($0)) } }

    /// True when a request to `other` goes to the same server in the same way.
    public func isSameOrigin(as other: HTTPURL) -> Bool {
        guard scheme == other.scheme, port == other.port else { return false }
        if let address, let its = other.address {
            return address == its && authority.isBracketed == other.authority.isBracketed
                && zone == other.zone
        }
        return hostName == other.hostName && authority.isBracketed == other.authority.isBracketed
    }

    // MARK: - What is sent

    /// The Host header that libcurl sends: the port only where it is not the scheme's own, no zone, an IPv6
    /// address in its shortest form. nil for a name beyond ASCII, which libcurl writes in its own way.
    public var hostHeader: String? {
        guard authority.isASCII else { return nil }
        return shownHost + (port == scheme.defaultPort ? "" : ":\(port)")
    }

    /// Path as it is sent; a slash where there is none.
    public var path: String { pathRange.isEmpty ? "/" : String(text.part(pathRange)) }

    /// As it is written; empty where there is none.
    public var writtenPath: String { String(text.part(pathRange)) }

    /// As it is sent, without the question mark; nil where there is none.
    public var query: String? { queryRange.map { String(text.part($0)) } }

    /// The URL with another host, without user: what stands before, behind and after stays. Throws what is
    /// wrong with `host`, a name or an address, which may have brackets.
    public func with(host: String) throws(AddressError) -> HTTPURL {
        let isBare = host.utf8.contains(UInt8(ascii: ":")) && host.utf8.first != UInt8(ascii: "[")
        let shown = isBare ? "[\(host)]" : host
        let bytes = shown.utf8.span
        guard try Authority(bytes, 0..<bytes.count).port == .none else { throw .hostCharacter }
        return try HTTPURL(parsing: "\(scheme.rawValue)://\(shown)\(text.part(hostEnd..<text.utf8.count))")
    }

    // MARK: - What is shown

    /// Scheme, host, port and path, as they may stand in logs, labels and errors. A path with another URL in
    /// it is cut where that one may have a user.
    public var description: String {
        "\(scheme.rawValue)://\(writtenServer)\(Self.cutBeforeUser(writtenPath))"
    }

    /// `text` as it may stand in logs, where it may be no URL at all.
    public static func shown(_ text: String) -> String { HTTPURL(text)?.description ?? "a malformed URL" }

    /// Scheme, host and port, where even the path may be a secret.
    public var origin: String {
        let host = hostHeader ?? writtenHost + (port == scheme.defaultPort ? "" : ":\(port)")
        return "\(scheme.rawValue)://\(host)"
    }

    // MARK: - The plain way

    /// The host and port to connect to, for a URL whose request needs no TLS.
    ///
    /// Nil for whatever libcurl might rewrite or treat as special: another spelling of scheme or port, a
    /// user, a fragment, bytes beyond ASCII, an IPv4 address in brackets, a name that is never looked up
    /// (`.onion`, RFC 7686).
    public var plainDestination: PlainDestination? {
        guard scheme == .http, !hasUser, !hasFragment, isASCII, isLowerCase else { return nil }
        let place: PlainDestination.Place
        if let address = authority.address {
            // In brackets it is connected to as an IPv6 address.
            guard !authority.isBracketed || address.ipv4 == nil else { return nil }
            place = .address(address, zone: zone)
        } else {
            let name = hostName
            guard !name.hasSuffix(".onion"), !name.hasSuffix(".onion.") else { return nil }
            place = .name(name)
        }
        let digits = authority.portDigits
        switch authority.port {
        case .empty: return nil
        case .number where text.utf8.span[digits.lowerBound] == UInt8(ascii: "0"): return nil
        case .none, .number: break
        }
        let hostEnd = port == scheme.defaultPort ? hostEnd : server.upperBound
        return PlainDestination(
            place: place, port: port, host: server.lowerBound..<hostEnd,
            hostHeader: authority.isBracketed ? hostHeader : nil,
            target: server.upperBound..<text.utf8.count)
    }

    // MARK: -

    /// Path and query as they are written, without fragment.
    var writtenTarget: Substring {
        text.part(pathRange.lowerBound..<(queryRange?.upperBound ?? pathRange.upperBound))
    }

    /// Where the host ends, with its closing bracket.
    private var hostEnd: Int {
        authority.isBracketed ? (authority.zone ?? authority.host).upperBound + 1 : authority.host.upperBound
    }

    /// libcurl writes the shortest form where that is shorter than what stands there.
    private var shownHost: String {
        let written = text.part(authority.host)
        guard authority.isBracketed else { return String(written) }
        let canonical = IPAddress.canonicalIPv6(text.utf8.span, authority.host)
        return "[\(canonical.flatMap { $0.utf8.count < written.utf8.count ? $0 : nil } ?? String(written))]"
    }

    /// The scheme and where the authority begins.
    private static func scheme(_ bytes: Span<UInt8>) -> (Scheme, Int)? {
        guard bytes.count >= 7, bytes[0] | 0x20 == UInt8(ascii: "h"), bytes[1] | 0x20 == UInt8(ascii: "t"),
            bytes[2] | 0x20 == UInt8(ascii: "t"), bytes[3] | 0x20 == UInt8(ascii: "p")
        else { return nil }
        let isSecure = bytes[4] | 0x20 == UInt8(ascii: "s")
        let colon = isSecure ? 5 : 4
        guard bytes.count >= colon + 3, bytes[colon] == UInt8(ascii: ":"),
            bytes[colon + 1] == UInt8(ascii: "/"), bytes[colon + 2] == UInt8(ascii: "/")
        else { return nil }
        return (isSecure ? .https : .http, colon + 3)
    }

    /// Where host and port begin, behind a user, and where they end.
    private static func server(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(AddressError) -> (start: Int, end: Int) {
        var serverStart = start
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") { break }
            guard byte > 0x20, byte != 0x7F else { throw .character }
            if byte == UInt8(ascii: "\\") { throw .backslash }
            if byte == UInt8(ascii: "@") {
                guard serverStart == start else { throw .secondAt }
                serverStart = end + 1
            }
            end += 1
        }
        return (serverStart, end)
    }
}

/// Where a request of the plain way goes, and where the parts of its URL are.
public struct PlainDestination: Sendable, Equatable {
    public enum Place: Sendable, Equatable {
        /// The zone is as the kernel knows it: an interface's name or number.
        case address(IPAddress, zone: String?)
        /// In lower case.
        case name(String)
    }

    public let place: Place
    public let port: UInt16
    /// Of the URL's bytes: the host, and the port unless it is 80.
    public let host: Range<Int>
    /// The Host header where it is not what stands at `host`: of an IPv6 address.
    public let hostHeader: String?
    /// Path and query, to the end; empty when there are none.
    public let target: Range<Int>
}
