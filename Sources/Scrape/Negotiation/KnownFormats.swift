import Synchronization

/// Formats of headers `Content-Type` that were read before: the targets of a fleet write a handful of them,
/// again and again. Any thread.
final class KnownFormats: Sendable {
    private static let most = 32
    private static let longestBytes = 256

    private let formats = Mutex<[String: ExpositionFormat]>([:])

    /// nil for a header that is not kept.
    func format(of header: String) -> ExpositionFormat? {
        guard Self.mayBeKept(header) else { return nil }
        return formats.withLock { $0[header] }
    }

    /// Keeps what was read, unless the header is a long or odd one or there are many already.
    func keep(_ format: ExpositionFormat, of header: String) {
        guard Self.mayBeKept(header) else { return }
        formats.withLock { if $0.count < Self.most { $0[header] = format } }
    }

    /// ASCII alone. Swift compares strings by canonical equivalence, so two non-ASCII headers with different
    /// bytes may be equal.
    private static func mayBeKept(_ header: String) -> Bool {
        header.utf8.count <= longestBytes && header.utf8.allSatisfy { $0 < 0x80 }
    }
}
