extension HTTPURL {
    /// What is wrong with a URL as somebody wrote it into a configuration, beyond what could not be sent: nil
    /// where nothing is. A user, whose password would show in logs and metrics, a port that is missing, bytes
    /// that RFC 3986 wants escaped, a fragment.
    public var writtenProblem: AddressError? {
        if hasUser {
            return AddressError(.user, "has a user or password, which would show in logs and metrics")
        }
        let unwise = CharacterTable("<>\"\\^`{|}")
        guard text.utf8.allSatisfy({ $0 < 0x80 && !unwise.contains($0) }) else { return .character }
        if !Self.percentsAreWhole(text) {
            return AddressError(.percent, "has a % without two hexadecimal digits after it")
        }
        if hasFragment { return AddressError(.fragment, "has a fragment (#…), which is never sent") }
        return hasEmptyPort ? .port : nil
    }

    /// What an error may show of a text that is no good URL to whoever wrote it: all up to the query or the
    /// fragment, which may hold a token. Nil where the text has an `@`, as what stands before it may be a
    /// password.
    public static func shownStart(of text: String) -> String? {
        guard !text.utf8.contains(UInt8(ascii: "@")) else { return nil }
        let mark = text.utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        return mark.map { "\(text[..<$0])\(text.unicodeScalars[$0])…" } ?? text
    }

    /// Whether each `%` has its digits. The one before a zone is written `%25` here.
    private static func percentsAreWhole(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
        return parts.dropFirst().allSatisfy { part in part.prefix(2).count { $0.isHexDigit } == 2 }
    }
}
