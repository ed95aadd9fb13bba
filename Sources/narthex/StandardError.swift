import Platform

/// Standard error as a text stream.
struct StandardError: TextOutputStream {
    mutating func write(_ string: String) { StandardStreams.writeError(string) }
}
