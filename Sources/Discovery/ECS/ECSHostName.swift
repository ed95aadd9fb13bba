import Addresses
import Platform

/// A host that somebody wrote into an attribute, a tag or a docker label, where a target's own port is added.
enum ECSHostName {
    /// Longest part of a wrong value that a fault shows.
    private static let shownCount = 80

    /// The host without brackets; nil when the text is neither a host name nor an IP address. An IPv6 address
    /// may stand in brackets and may have a zone (RFC 4007 §11).
    static func read(_ text: String) -> String? {
        let bytes = text.utf8
        let isBracketed = bytes.first == UInt8(ascii: "[") && bytes.last == UInt8(ascii: "]")
        let host = isBracketed ? String(text.unicodeScalars.dropFirst().dropLast()) : text
        let isIPv6 = host.utf8.contains(UInt8(ascii: ":"))
        guard isIPv6 || !isBracketed, let address = HostPort(isIPv6 ? "[\(host)]" : host), address.port == nil
        else { return nil }
        return host
    }

    /// What is wrong with a text that `read` gives nothing for. `place` names what holds it.
    static func fault(_ text: String, in place: String) -> String {
        "\(place) is \(quoted(text)); it must be a host name or an IP address without a port, because each"
            + " target has a port of its own"
    }

    /// A value in a sentence: in quotes, on one line, without what a terminal would obey, and not too long.
    static func quoted(_ text: String) -> String {
        let kept = String(String.UnicodeScalarView(text.unicodeScalars.prefix(shownCount)))
        let isCut = text.unicodeScalars.count > shownCount
        return JSONText.quoted(isCut ? kept + "…" : kept)
    }
}
