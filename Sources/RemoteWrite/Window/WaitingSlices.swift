internal import MetricModel
internal import Platform
internal import WriteAheadBuffer

/// What was read and has not left: parts of frames in the order of the log, and which keys are held by
/// those that fly.
///
/// A claim takes the first parts that are free. A frame is free when it is the first that waits for each of
/// its keys, no claim holds one of them, and no request to be made again has one. What is not free waits
/// in its place (the side queue) until the claim in its way is answered for. Parts of one frame hold
/// different series and fly at once, unless the frame's layout states a series twice.
///
/// Each key has a queue of the frames that wait for it, and those that are free are in a list of their own:
/// so a claim costs what it takes, however much waits.
struct WaitingSlices: Sendable {
    /// A part of a frame, and what it conflicts with.
    struct Entry: Sendable {
        var slice: FrameSlice
        let keys: ConflictKeys.Keys
        /// The frame may fly in parts.
        let maySplit: Bool
        /// When it was appended (or read from disk), on the monotonic clock.
        var sinceNs: UInt64 = 0
    }

    /// Parts that leave together, and the keys that they hold until `release`.
    struct Claim: Sendable {
        var slices: [FrameSlice] = []
        fileprivate(set) var held: [UInt64: BufferPosition] = [:]
        /// Where this is a request to be made again: its number, and how the cursor knows it.
        var resend: (number: UInt64, request: SentRequest)?

        var sampleCount: Int { slices.reduce(0) { $0 + $1.sampleCount } }

        /// An estimate of what the requests cut of it hold, one after the other.
        var bodyBytes: Int {
            min(slices.reduce(0) { $0 + $1.bodyBytes }, BatchCollector.maxRequestBytes)
        }
    }

    /// A request that was in flight when the agent ended.
    private struct Resend: Sendable {
        let number: UInt64
        let request: SentRequest
        var entries: [Entry] = []
        /// All that is left of it in the log is here.
        var isComplete = false
    }

    /// The parts of one frame that wait.
    private struct Waiting: Sendable {
        let record: BufferPosition
        let keys: ConflictKeys.Keys
        let maySplit: Bool
        let sinceNs: UInt64
        var slices: [FrameSlice]
        var sampleCount: Int
        /// Samples of the frame that were claimed before.
        var claimed = 0

        /// Whether this is the rest of a large frame: earlier parts were claimed, and the frame has more
        /// than `restBatches` batches of `batch` samples.
        func isLargeRest(batch: Int) -> Bool {
            claimed > 0 && (claimed + sampleCount - 1) / WaitingSlices.restBatches >= batch
        }
    }

    /// Who holds a key, and who waits for it.
    private struct Key: Sendable {
        /// The frame of which parts fly; nil when none does.
        var record: BufferPosition?
        /// How many claims hold the key.
        var claims = 0
        /// How many parts of requests to be made again have the key and are not claimed yet.
        var resends = 0
        /// Samples that wait for it.
        var samples = 0
        /// The numbers of the frames that wait for it, ascending.
        var queue = NumberQueue()

        var isUsed: Bool { claims > 0 || resends > 0 || queue.first != nil }
    }

    /// By their numbers, which grow in the order of the log.
    private var frames: [Int: Waiting] = [:]
    private var nextNumber = 0
    /// No frame that waits has a lower number.
    private var oldestNumber = 0
    /// The numbers of the entries that are free, in ascending order.
    private var free: [Int] = []
    private var keys: [UInt64: Key] = [:]
    private var resends: [Resend]
    private var resendParts = 0
    /// Samples that wait.
    private(set) var sampleCount = 0
    /// The rest of a frame that is larger than so many batches leaves at once. The rest of a smaller frame
    /// waits for other frames: sent alone it would be up to half of all requests where frames are just over
    /// a batch, as in a small agent with one large target.
    private static let restBatches = 4

    /// `sent` are made again before anything else, lowest number first.
    init(sent: [UInt64: SentRequest] = [:]) {
        resends = sent.sorted { $0.key < $1.key }.map { Resend(number: $0.key, request: $0.value) }
    }

    var isEmpty: Bool { frames.isEmpty && resends.isEmpty }

    /// Frames that wait, and parts of requests to be made again.
    var partCount: Int { frames.count + resendParts }

    /// Whether a frame with this key waits, or is in a claim or in a request to be made again.
    func isUsed(_ key: UInt64) -> Bool { keys[key]?.isUsed ?? false }

    /// Whether requests are to be made again.
    var hasResends: Bool { !resends.isEmpty }

    /// The timestamp of the oldest frame that waits.
    var oldestMs: Int64? {
        let first = [resends.first?.entries.first?.slice, frames[oldestNumber]?.slices.first]
        return first.compactMap { $0?.frame.timestampMs }.min()
    }

    /// Gives back the room of tables that had much more in them.
    mutating func giveBackRoom() {
        frames.giveBackRoom()
        keys.giveBackRoom()
        if free.capacity > 4 * free.count + 256 { free = free.map { $0 } }
    }

    /// Adds a part behind all others.
    mutating func append(_ entry: Entry) {
        let count = entry.slice.sampleCount
        sampleCount += count
        // Parts of one frame are added one after the other.
        let last = nextNumber - 1
        if frames[last]?.record == entry.slice.record {
            frames[last]?.slices.append(entry.slice)
            frames[last]?.sampleCount += count
            for key in entry.keys { keys[key]?.samples += count }
            return
        }
        let number = nextNumber
        nextNumber += 1
        let frame = Waiting(
            record: entry.slice.record, keys: entry.keys, maySplit: entry.maySplit, sinceNs: entry.sinceNs,
            slices: [entry.slice], sampleCount: count)
        frames[number] = frame
        for key in entry.keys {
            keys[key, default: Key()].queue.append(number)
            keys[key]?.samples += count
        }
        if isFree(number, frame) { free.append(number) }
    }

    /// Adds a part of the request `number`, which was in flight.
    mutating func append(_ entry: Entry, toResend number: UInt64) {
        guard let index = resends.firstIndex(where: { $0.number == number }) else {
            append(entry)
            return
        }
        resends[index].entries.append(entry)
        resendParts += 1
        sampleCount += entry.slice.sampleCount
        for key in entry.keys {
            keys[key, default: Key()].resends += 1
            guard let first = keys[key]?.queue.first else { continue }
            free.removeAll { $0 == first }
        }
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

    /// The first request to be made again that is complete and whose keys no claim holds. nil when there is
    /// none now.
    mutating func claimResend() -> Claim? {
        var blocked: Set<UInt64> = []
        for index in resends.indices {
            let entries = resends[index].entries
            let fits =
                resends[index].isComplete
                && entries.allSatisfy { entry in
                    entry.keys.allSatisfy {
                        !blocked.contains($0) && mayFly($0, entry.slice.record, entry.maySplit)
                    }
                }
            guard fits else {
                for entry in entries { blocked.formUnion(entry.keys) }
                continue
            }
            let resend = resends.remove(at: index)
            resendParts -= entries.count
            var claim = Claim()
            claim.slices = entries.map(\.slice)
            claim.resend = (resend.number, resend.request)
            for entry in entries {
                for key in entry.keys {
                    claim.held[key] = entry.slice.record
                    keys[key]?.resends -= 1
                }
            }
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
        /// When the oldest of what is not due yet was appended (or read from disk); nil where nothing may
        /// leave now.
        var sinceNs: UInt64?
        /// Of what is not due yet: how many samples it would have to have more. Fewer may be enough, since
        /// samples that wait behind two of its frames, by a key of each, count twice (`behind`).
        var lacking = 0
    }

    /// The first parts that may leave now: `samples` samples at most, or one frame that may not be split and
    /// is larger. Fewer samples leave when one of the parts was appended (or read from disk) at `dueNs` or
    /// before, or is the rest of a large frame, which would else arrive late by the whole deadline. They also
    /// leave when the later frames of their targets, which have to leave after them, would fill the claim:
    /// waiting would only hold these up. `read` is asked for more and adds it with `append`; it returns false
    /// when there is none now.
    mutating func claim(
        samples most: Int, dueNs: UInt64, read: (inout WaitingSlices) throws -> Bool
    ) rethrows -> Found {
        var taken = 0
        var isFull = false
        var isDue = false
        var sinceNs: UInt64?
        /// How many parts of the last frame are taken whole, and how many samples of the next one.
        var last = (parts: 0, samples: 0)
        var index = 0
        while taken < most, !isFull {
            if index == free.count, try !read(&self) { break }
            guard index < free.count else { continue }
            guard let frame = frames[free[index]] else { preconditionFailure("what is free waits") }
            var now = (parts: 0, samples: 0)
            for slice in frame.slices where taken < most && !isFull {
                let room = most - taken
                if slice.sampleCount <= room || (!frame.maySplit && taken == 0) {
                    now.parts += 1
                    taken += slice.sampleCount
                } else if frame.maySplit {
                    now.samples = room
                    taken += room
                } else {
                    // A frame that may not be split ends the claim early when it does not fit.
                    isFull = true
                }
            }
            guard now != (0, 0) else { break }
            last = now
            sinceNs = min(sinceNs ?? frame.sinceNs, frame.sinceNs)
            isDue = isDue || frame.sinceNs <= dueNs || frame.isLargeRest(batch: most)
            index += 1
        }
        guard let sinceNs else { return Found() }
        let ready = isFull || isDue ? most : taken + behind(free[..<index])
        guard ready >= most else { return Found(sinceNs: sinceNs, lacking: most - ready) }
        var claim = Claim()
        let numbers = Array(free[..<index])
        free.removeFirst(index)
        for number in numbers {
            take(number, number == numbers.last ? last : nil, &claim)
        }
        sampleCount -= claim.sampleCount
        take(claim)
        // Of the last one a rest may stay, which is free as long as it may fly beside its first part.
        if let number = numbers.last, let rest = frames[number], isFree(number, rest) {
            free.insert(number, at: 0)
        }
        return Found(claim: claim)
    }

    /// Lets go of a claim's keys: all of it is answered for.
    mutating func release(_ claim: Claim) {
        for key in claim.held.keys {
            keys[key]?.claims -= 1
            guard let now = keys[key], now.claims == 0 else { continue }
            keys[key]?.record = nil
            forgetUnused(key)
        }
        // Only now, as a frame may have waited for two of them.
        for key in claim.held.keys {
            guard let number = keys[key]?.queue.first, let frame = frames[number], isFree(number, frame)
            else { continue }
            let place = free.firstIndex { $0 >= number } ?? free.count
            if place == free.count || free[place] != number { free.insert(number, at: place) }
        }
    }

    /// How many samples wait in later frames of the same targets.
    private func behind(_ numbers: ArraySlice<Int>) -> Int {
        numbers.reduce(0) { sum, number in
            guard let frame = frames[number] else { return sum }
            return sum + (frame.keys.map { (keys[$0]?.samples ?? 0) - frame.sampleCount }.max() ?? 0)
        }
    }

    /// Moves a free frame into the claim: all of it, or with `most` its first parts and as many samples of
    /// the part behind them.
    private mutating func take(
        _ number: Int, _ most: (parts: Int, samples: Int)?, _ claim: inout Claim
    ) {
        guard var frame = frames[number] else { preconditionFailure("what is free waits") }
        let parts = most?.parts ?? frame.slices.count
        var samples = frame.slices[..<parts].reduce(0) { $0 + $1.sampleCount }
        claim.slices += frame.slices[..<parts]
        frame.slices.removeFirst(parts)
        if let most, most.samples > 0, let first = frame.slices.first {
            claim.slices.append(first.part(from: first.from, to: first.from + most.samples))
            frame.slices[0] = first.part(from: first.from + most.samples, to: first.to)
            samples += most.samples
        }
        frame.sampleCount -= samples
        frame.claimed += samples
        for key in frame.keys {
            claim.held[key] = frame.record
            keys[key]?.samples -= samples
            if frame.slices.isEmpty { keys[key]?.queue.removeFirst() }
        }
        frames[number] = frame.slices.isEmpty ? nil : frame
        while oldestNumber < nextNumber, frames[oldestNumber] == nil { oldestNumber += 1 }
    }

    private mutating func take(_ claim: Claim) {
        for (key, record) in claim.held {
            keys[key, default: Key()].record = record
            keys[key]?.claims += 1
        }
    }

    private func isFree(_ number: Int, _ frame: Waiting) -> Bool {
        frame.keys.allSatisfy { key in
            guard let now = keys[key] else { return false }
            return now.queue.first == number && now.resends == 0 && mayFly(key, frame.record, frame.maySplit)
        }
    }

    /// Whether nobody holds the key, or parts of the same frame.
    private func mayFly(_ key: UInt64, _ record: BufferPosition, _ maySplit: Bool) -> Bool {
        guard let holder = keys[key]?.record else { return true }
        return holder == record && maySplit
    }

    private mutating func forgetUnused(_ key: UInt64) {
        if let now = keys[key], !now.isUsed { keys[key] = nil }
    }
}
