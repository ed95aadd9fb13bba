/// What a token endpoint says (RFC 6749 §5): the members that matter of a JSON object, everything else
/// passed over. Hostile bytes make it nil.
struct TokenAnswer: Sendable, Equatable {
    private(set) var accessToken: String?
    private(set) var tokenType: String?
    /// `expires_in`, a number or a number in quotes.
    private(set) var lifeSeconds: Double?
    /// The error's code, cut to what may stand in a log.
    private(set) var error: String?

    init?(_ bytes: [UInt8]) {
        var reader = JSONReader(bytes)
        guard let members = reader.object() else { return nil }
        for (name, value) in members {
            switch (name, value) {
            case ("access_token", .string(let text)): accessToken = text
            case ("token_type", .string(let text)): tokenType = text
            case ("expires_in", .number(let number)): lifeSeconds = number
            case ("expires_in", .string(let text)): lifeSeconds = Double(text)
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
