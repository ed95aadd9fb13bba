internal import MetricModel
internal import WriteAheadBuffer

/// What was read and has not left: parts of frames in the order of the log, and which keys are held by
/// those that fly.
///
/// A claim takes the first parts whose keys nobody holds. What it passes over waits in its place (the side
/// queue), with everything behind that has one of its keys. Parts of one frame hold different series and
/// fly at once, unless the frame's layout states a series twice.
struct WaitingSlices: Sendable {
    /// A part of a frame, and what it conflicts with.
    struct Entry: Sendable {
        var slice: FrameSlice
        let keys: ConflictKeys.Keys
        /// The frame may fly in parts.
        let maySplit: Bool
        /// When it was read, on the monotonic clock.
        var readNs: UInt64 = 0
    }

    /// Parts that leave together, and the keys that they hold until `release`.
    struct Claim: Sendable {
        var slices: [FrameSlice] = []
        fileprivate(set) var held: [UInt64: BufferPosition] = [:]
        /// The request that was in flight before, and its number, where this is one.
        var resend: (number: UInt64, request: SentRequest)?

        var sampleCount: Int { slices.reduce(0) { $0 + $1.sampleCount } }
    }

    /// A request that was in flight when the agent ended.
    private struct Resend: Sendable {
        let number: UInt64
        let request: SentRequest
        var entries: [Entry] = []
        /// All that is left of it in the log is here.
        var isComplete = false
    }

    /// Who holds a key: parts of the frame with this record, so many of them.
    private struct Holder: Sendable {
        let record: BufferPosition
        var claims: Int
    }

    private var entries: [Entry] = []
    private var resends: [Resend]
    private var holders: [UInt64: Holder] = [:]
    /// Samples that wait.
    private(set) var sampleCount = 0

    /// `sent` are made again before anything else, lowest number first.
    init(sent: [UInt64: SentRequest] = [:]) {
        resends = sent.sorted { $0.key < $1.key }.map { Resend(number: $0.key, request: $0.value) }
    }

    var isEmpty: Bool { entries.isEmpty && resends.isEmpty }

    /// Parts that wait.
    var partCount: Int { resends.reduce(entries.count) { $0 + $1.entries.count } }

    /// Whether requests are to be made again.
    var hasResends: Bool { !resends.isEmpty }

    /// The timestamp of the oldest frame that waits.
    var oldestMs: Int64? {
        let first = [resends.first?.entries.first, entries.first].compactMap { $0?.slice.frame.timestampMs }
        return first.min()
    }

    /// Adds a part behind all others.
    mutating func append(_ entry: Entry) {
        entries.append(entry)
        sampleCount += entry.slice.sampleCount
    }

    /// Adds a part of the request `number`, which was in flight.
    mutating func append(_ entry: Entry, toResend number: UInt64) {
        guard let index = resends.firstIndex(where: { $0.number == number }) else {
            append(entry)
            return
        }
        resends[index].entries.append(entry)
        sampleCount += entry.slice.sampleCount
    }

    /// Everything of the request `number` that is left in the log was added.
    mutating func completeResend(_ number: UInt64) {
        for index in resends.indices where resends[index].number == number {
            resends[index].isComplete = true
        }
    }

    /// Requests of which nothing is left in the log, by number; they are forgotten here.
    mutating func takeEmptyResends() -> [UInt64] {
        let empty = resends.filter { $0.isComplete && $0.entries.isEmpty }.map(\.number)
        resends.removeAll { $0.isComplete && $0.entries.isEmpty }
        return empty
    }

    /// The first request in flight before that is complete and whose keys nobody holds. nil when there is
    /// none now.
    mutating func claimResend() -> Claim? {
        var blocked: Set<UInt64> = []
        for index in resends.indices {
            var claim = Claim()
            let fits =
                resends[index].isComplete
                && resends[index].entries.allSatisfy { entry in
                    let isFree = !conflicts(entry, blocked, [:])
                    if isFree { Self.hold(entry, &claim) }
                    return isFree
                }
            guard fits else {
                for entry in resends[index].entries { Self.block(entry, &blocked) }
                continue
            }
            let resend = resends.remove(at: index)
            claim.slices = resend.entries.map(\.slice)
            claim.resend = (resend.number, resend.request)
            sampleCount -= claim.sampleCount
            take(claim)
            return claim
        }
        return nil
    }

    /// What `claim` found.
    struct Found: Sendable {
        /// nil where it is not due yet, and where there is none.
        var claim: Claim?
        /// When the oldest of what is not due yet was read; nil where nothing may leave now.
        var oldestReadNs: UInt64?
    }

    /// The first parts that may leave now, `samples` at most unless a frame that may not be split is
    /// larger. Fewer than that leave when one of them was read at `dueNs` or before, or when the later
    /// frames of their targets, which must leave after them, would make them a batch. `read` is asked for
    /// more and adds it with `append`; it returns false when there is none now.
    mutating func claim(
        samples most: Int, dueNs: UInt64, read: (inout WaitingSlices) throws -> Bool
    ) rethrows -> Found {
        var blocked: Set<UInt64> = []
        for resend in resends { for entry in resend.entries { Self.block(entry, &blocked) } }
        var claim = Claim()
        var free = 0
        /// Samples of later frames of the claim's own targets.
        var behind = 0
        var isFull = false
        var oldestReadNs: UInt64?
        /// How much of an entry is taken, by its index.
        var taken: [Int: Int] = [:]
        var index = 0
        while free < most {
            if index == entries.count, try !read(&self) { break }
            guard index < entries.count else { continue }
            let entry = entries[index]
            index += 1
            let room = most - free
            let isTooLong = entry.slice.sampleCount > room && !entry.maySplit && free > 0
            guard !isTooLong, !conflicts(entry, blocked, claim.held) else {
                if entry.keys.all.contains(where: { claim.held[$0] != nil }) {
                    behind += entry.slice.sampleCount
                }
                Self.block(entry, &blocked)
                if isTooLong {
                    // A frame that may not be split ends the claim early when it does not fit.
                    isFull = true
                    break
                }
                continue
            }
            oldestReadNs = min(oldestReadNs ?? entry.readNs, entry.readNs)
            let count = entry.maySplit ? min(room, entry.slice.sampleCount) : entry.slice.sampleCount
            taken[index - 1] = count
            Self.hold(entry, &claim)
            free += count
        }
        guard let oldestReadNs else { return Found() }
        guard isFull || free + behind >= most || oldestReadNs <= dueNs else {
            return Found(oldestReadNs: oldestReadNs)
        }
        // What is behind stays as it is: a claim costs what it looks at.
        var rest: [Entry] = []
        for (place, var entry) in entries[..<index].enumerated() {
            guard let count = taken[place] else {
                rest.append(entry)
                continue
            }
            let slice = entry.slice
            claim.slices.append(slice.part(from: slice.from, to: slice.from + count))
            guard count < slice.sampleCount else { continue }
            entry.slice = slice.part(from: slice.from + count, to: slice.to)
            rest.append(entry)
        }
        entries.replaceSubrange(..<index, with: rest)
        sampleCount -= claim.sampleCount
        take(claim)
        return Found(claim: claim)
    }

    /// Lets go of a claim's keys: all of it is answered for.
    mutating func release(_ claim: Claim) {
        for key in claim.held.keys {
            guard var holder = holders[key] else { continue }
            holder.claims -= 1
            holders[key] = holder.claims > 0 ? holder : nil
        }
    }

    private func conflicts(
        _ entry: Entry, _ blocked: Set<UInt64>, _ held: [UInt64: BufferPosition]
    ) -> Bool {
        for key in entry.keys.all {
            if blocked.contains(key) { return true }
            if let record = held[key], record != entry.slice.record { return true }
            if let holder = holders[key], holder.record != entry.slice.record || !entry.maySplit {
                return true
            }
        }
        return false
    }

    private static func block(_ entry: Entry, _ blocked: inout Set<UInt64>) {
        for key in entry.keys.all { blocked.insert(key) }
    }

    private static func hold(_ entry: Entry, _ claim: inout Claim) {
        for key in entry.keys.all { claim.held[key] = entry.slice.record }
    }

    private mutating func take(_ claim: Claim) {
        for (key, record) in claim.held {
            holders[key, default: Holder(record: record, claims: 0)].claims += 1
        }
    }
}

extension ConflictKeys.Keys {
    /// One or two.
    var all: [UInt64] { job.map { [target, $0] } ?? [target] }
}
