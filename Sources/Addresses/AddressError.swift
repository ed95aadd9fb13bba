/// Why a text is no URL, no `host:port` or no host.
public struct AddressError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Code: Sendable, Equatable {
        /// Another scheme than http and https, or none.
        case scheme
        case host
        /// A host of numbers that is no IPv4 address in its usual form.
        case ipv4
        case ipv6
        case port
        case user
        /// A byte that may not stand there.
        case character
        case percent
        case fragment
        case length
    }

    public let code: Code
    /// What the text does or has, as the end of a sentence that names it: "has no host". The text itself,
    /// which may hold a password, is never in it.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    static let scheme = AddressError(.scheme, "does not begin with http:// or https://")
    static let noHost = AddressError(.host, "has no host")
    static let longHost = AddressError(.host, "has a host of more than \(Authority.hostLimitBytes) bytes")
    static let hostCharacter = AddressError(
        .character, "has a character in its host that no host name has; it may be a place holder")
    static let notHostPort = AddressError(.character, "is not host:port")
    static let path = AddressError(
        .character,
        "is not host:port: a scheme or path does not belong in a target; use scheme and metrics_path")
    static let ipv4 = AddressError(
        .ipv4, "has a host of numbers that is not an IPv4 address: write four decimal numbers from 0 to 255")
    static let ipv6 = AddressError(.ipv6, "has brackets around what is not an IPv6 address")
    static let zone = AddressError(
        .ipv6, "has an IPv6 zone that is not 1 to \(Authority.zoneLimitBytes) letters, digits, -, . or _")
    static let openBracket = AddressError(.ipv6, "lacks the closing ]")
    static let afterBracket = AddressError(.ipv6, "has something other than a port after the ]")
    static let bareIPv6 = AddressError(
        .ipv6, "has several colons; an IPv6 address needs brackets: [::1]:9100")
    static let port = AddressError(.port, "has no port from 1 to 65535 after the colon")
    static let secondAt = AddressError(.user, "has more than one @ before its path")
    static let character = AddressError(
        .character, "holds a character that must be percent-encoded or is a place holder")
    static let backslash = AddressError(.character, "has a backslash before its path")
    static let length = AddressError(.length, "is longer than \(HTTPURL.limitBytes) bytes")
}
