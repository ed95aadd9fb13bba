/// How strictly a text is read.
public enum JSONRules: Sendable {
    /// RFC 8259, and nothing on which two readers could disagree: no key twice, no half of a surrogate pair,
    /// no bytes that are not UTF-8, no number that is larger than a double can be.
    case strict
    /// As Go's encoding/json decodes into values: a key may stand twice, half a surrogate pair and bytes that
    /// are not UTF-8 become U+FFFD, and a number that nobody asks for may be of any size. The form of the
    /// text is the same as in `strict`.
    case asGo
}
