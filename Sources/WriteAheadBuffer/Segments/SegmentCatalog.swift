import Synchronization

/// The segments there are, oldest first. The appender publishes, readers look.
final class SegmentCatalog: Sendable {
    private let state = Mutex<[SegmentInfo]>([])

    /// `segments` are an earlier run's; it is `nowNs` by `AgentClock.elapsedNs`.
    init(_ segments: [SegmentInfo] = [], nowNs: UInt64 = 0) {
        var segments = segments
        for index in segments.indices {
            segments[index].lastNs = nowNs
            segments[index].isOfEarlierRun = true
        }
        state.withLock { $0 = segments }
    }

    var all: [SegmentInfo] { state.withLock { $0 } }
    /// Bytes of those on the disk.
    var totalBytes: UInt64 {
        state.withLock { $0.reduce(0) { $0 + ($1.memory == nil ? $1.length : 0) } }
    }
    /// How many are on the disk.
    var fileCount: Int { state.withLock { $0.count { $0.memory == nil } } }
    /// Those that are in memory alone, oldest first.
    var inMemory: [SegmentInfo] { state.withLock { $0.filter { $0.memory != nil } } }
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

    /// The active segment has grown; it is `nowNs` by `AgentClock.elapsedNs`.
    func grow(to length: UInt64, newestTimestampMs: Int64, nowNs: UInt64) {
        state.withLock { segments in
            guard let last = segments.indices.last else { return }
            segments[last].length = length
            segments[last].lastNs = nowNs
            segments[last].newestTimestampMs = max(segments[last].newestTimestampMs, newestTimestampMs)
        }
    }

    func remove(_ number: UInt64) {
        state.withLock { segments in segments.removeAll { $0.number == number } }
    }

    /// A segment that stood in memory has a file now, and takes no frames any more. False where it is gone.
    func writtenDown(_ file: MemoryFile) -> Bool {
        state.withLock { segments in
            guard let index = Self.index(of: file.number, in: segments) else { return false }
            segments[index].path = file.path
            segments[index].salt = file.salt
            segments[index].length = file.length
            segments[index].features |= FileHeader.isPlaced
            segments[index].firstPlace = file.firstPlace
            segments[index].memory = nil
            segments[index].isActive = false
            // The frames that came last may have had their sync refused already.
            segments[index].isInDoubt = file.tail.isInDoubt
            return true
        }
    }

    /// A segment that could not be removed is there again.
    func putBack(_ segment: SegmentInfo) {
        state.withLock { segments in
            let index = segments.firstIndex { $0.number > segment.number } ?? segments.endIndex
            segments.insert(segment, at: index)
        }
    }

    /// A sync of the segment's file failed.
    func doubt(_ number: UInt64) {
        state.withLock { segments in
            if let index = Self.index(of: number, in: segments) { segments[index].isInDoubt = true }
        }
    }

    /// Another file has taken the place of the segment's.
    func renewed(_ number: UInt64) {
        state.withLock { segments in
            guard let index = Self.index(of: number, in: segments) else { return }
            segments[index].renewals += 1
            segments[index].isInDoubt = false
        }
    }

    private static func index(of number: UInt64, in segments: [SegmentInfo]) -> Int? {
        guard let first = segments.first?.number, number >= first else { return nil }
        // Numbers are nearly always without gaps: the guess is right or the search short.
        let guess = Int(number - first)
        if guess < segments.count, segments[guess].number == number { return guess }
        return segments.firstIndex { $0.number == number }
    }
}
