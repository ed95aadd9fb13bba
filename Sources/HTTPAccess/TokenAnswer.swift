import JSON

/// What a token endpoint says (RFC 6749 §5): the members that matter of a JSON object, everything else
/// passed over.
struct TokenAnswer: Sendable, Equatable {
    /// Far more members than any endpoint sends.
    private static let nodeLimit = 10_000

    private(set) var accessToken: String?
    private(set) var tokenType: String?
    /// `expires_in`, a number or a number in quotes.
    private(set) var lifeSeconds: Double?
    /// The error's code, cut to what may stand in a log.
    private(set) var error: String?

    /// Fails when `bytes` are not a JSON object.
    init(_ bytes: [UInt8]) throws(JSONError) {
        let root = try JSONReader.read(bytes, nodeLimit: Self.nodeLimit)
        guard case .object(let members) = root.content else {
            throw JSONError(place: JSONPlace(offset: root.offset, in: bytes), message: "this is no object")
        }
        for member in members {
            switch (member.key, member.value.content) {
            case ("access_token", .string(let text)): accessToken = text
            case ("token_type", .string(let text)): tokenType = text
            case ("expires_in", .number(let text)), ("expires_in", .string(let text)):
                lifeSeconds = Double(text)
            case ("error", .string(let text)):
                error = String(
                    text.unicodeScalars.prefix(80).map { scalar in
                        (0x21...0x7E).contains(scalar.value) ? Character(scalar) : "?"
                    })
            default: break
            }
        }
        // Not a number, or none that means a time.
        if let seconds = lifeSeconds, !seconds.isFinite { lifeSeconds = nil }
    }
}
