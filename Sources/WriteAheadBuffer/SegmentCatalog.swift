internal import Platform
import Synchronization

/// One segment as everybody may see it.
struct SegmentInfo: Sendable, Equatable {
    let number: UInt64
    let path: String
    let salt: UInt32
    /// Bytes that are written in full: readers look no further.
    var length: UInt64
    var isActive: Bool
    /// Not before that of any frame in it; when it was begun, without one.
    var newestTimestampMs: Int64
    /// The books at its beginning.
    var before: [String: JobTotal]
    /// The segment before and its final length; 0 when there was none.
    var previousSegment: UInt64 = 0
    var previousLength: UInt64 = 0
}

/// The segments there are, oldest first. The appender publishes, readers look.
final class SegmentCatalog: Sendable {
    private let state = Mutex<[SegmentInfo]>([])

    init(_ segments: [SegmentInfo] = []) { state.withLock { $0 = segments } }

    var all: [SegmentInfo] { state.withLock { $0 } }
    var totalBytes: UInt64 { state.withLock { $0.reduce(0) { $0 + $1.length } } }
    var oldest: SegmentInfo? { state.withLock { $0.first } }

    subscript(number: UInt64) -> SegmentInfo? {
        state.withLock { segments in Self.index(of: number, in: segments).map { segments[$0] } }
    }

    /// The first segment with this number or a later one.
    func first(from number: UInt64) -> SegmentInfo? {
        state.withLock { segments in segments.first { $0.number >= number } }
    }

    func add(_ segment: SegmentInfo) {
        state.withLock { segments in
            if let last = segments.indices.last { segments[last].isActive = false }
            segments.append(segment)
        }
    }

    /// The active segment has grown.
    func grow(to length: UInt64, newestTimestampMs: Int64) {
        state.withLock { segments in
            guard let last = segments.indices.last else { return }
            segments[last].length = length
            segments[last].newestTimestampMs = max(segments[last].newestTimestampMs, newestTimestampMs)
        }
    }

    func remove(_ number: UInt64) {
        state.withLock { segments in segments.removeAll { $0.number == number } }
    }

    private static func index(of number: UInt64, in segments: [SegmentInfo]) -> Int? {
        guard let first = segments.first?.number, number >= first else { return nil }
        // Numbers are nearly always without gaps: the guess is right or the search short.
        let guess = Int(number - first)
        if guess < segments.count, segments[guess].number == number { return guess }
        return segments.firstIndex { $0.number == number }
    }
}
