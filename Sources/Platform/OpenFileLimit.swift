internal import CPlatform

/// How many files and connections this process may have open.
public enum OpenFileLimit {
    /// Raises it as far as the system allows. The limit from then on; nil when the system does not tell.
    @discardableResult
    public static func raise() -> Int? {
        let limit = narthex_raise_open_file_limit()
        return limit < 0 ? nil : limit
    }
}
