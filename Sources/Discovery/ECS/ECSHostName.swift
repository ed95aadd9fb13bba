import Configuration
import Platform

/// A host that somebody wrote into an attribute, a tag or a docker label, where a target's own port is added.
enum ECSHostName {
    /// Longest part of a wrong value that a fault shows.
    private static let shownCount = 80

    /// The host without brackets; nil when the text is neither a host name nor an IP address. An IPv6 address
    /// may stand in brackets and may have a zone (RFC 4007 §11).
    static func read(_ text: String) -> String? {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let inner = String(text.dropFirst().dropLast())
            return inner.contains(":") ? read(inner) : nil
        }
        guard text.contains(":") else {
            return text.contains("[") || TargetAddress.problem(text) != nil ? nil : text
        }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard IPAddress(String(parts[0])) != nil else { return nil }
        return parts.count == 1 || isZone(parts[1]) ? text : nil
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

    private static func isZone(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }
}
