internal import Platform

/// Decides whether frames are written to the disk or go to memory, and when a disk that has refused them is
/// tried again. It only decides: it never touches the disk.
struct DiskVerdict: Sendable {
    /// The time in which the disk takes none.
    struct Spell: Sendable {
        /// By the monotonic clock.
        let sinceNs: UInt64
        /// What the disk has said first.
        let cause: FileError
        /// Samples that went to memory.
        var samples: UInt64 = 0
        /// Samples that one destination at least will not get: memory was full.
        var dropped: UInt64 = 0
    }

    /// A spell that begins so soon after the one before makes the pause longer. Each end of a spell begins a
    /// segment, which states the series of all targets again: on a disk that is nearly full, or fails now and
    /// then, these would take what room there is. A disk that makes nothing durable begins a spell at most
    /// `patienceNs` and the longest pause between two renewals after the one before: this is longer.
    static let soonNs: UInt64 = 180_000_000_000
    static let firstPauseNs: UInt64 = 1_000_000_000
    static let mostPauseNs: UInt64 = 60_000_000_000

    /// A disk that takes what is written, and does not make it durable for so long, is given no more: the
    /// kernel may have dropped what it took, and then readers wait for the segment to be written anew.
    static let patienceNs: UInt64 = 60_000_000_000

    /// nil while the disk takes frames.
    private(set) var spell: Spell?
    /// Since when segments cannot be made durable, and what the disk has said first.
    private var unsynced: (sinceNs: UInt64, cause: FileError)?
    private var endedNs: UInt64?
    private var pauseNs: UInt64 = 0
    private var dueNs: UInt64 = 0
    /// Beside so many bytes of segments the disk, when it was asked last, had no room for what a segment
    /// begins with.
    private(set) var lackedBeside: UInt64?
    /// When it was asked last it took files, and a torn segment did not let itself be cut.
    private(set) var isUncut = false
    /// The number of the last segment on the disk, where the next one finds room once it has gone.
    var makesRoom: UInt64?

    /// The disk has refused a frame, which went to memory. Begins a spell.
    mutating func failed(_ cause: FileError, nowNs: UInt64) {
        guard spell == nil else { return }
        let isSoon = endedNs.map { nowNs < $0 + Self.soonNs } ?? false
        pauseNs = isSoon ? min(Self.mostPauseNs, max(Self.firstPauseNs, 2 * pauseNs)) : 0
        dueNs = nowNs + pauseNs
        spell = Spell(sinceNs: nowNs, cause: cause)
    }

    /// The disk was asked and takes no frames yet. What the last time has said is forgotten.
    mutating func refusedToReturn(lackedBeside: UInt64? = nil, isUncut: Bool = false) {
        (self.lackedBeside, self.isUncut, makesRoom) = (lackedBeside, isUncut, nil)
    }

    /// A segment in doubt could not be written anew.
    mutating func renewalFailed(_ cause: FileError, nowNs: UInt64) {
        if unsynced == nil { unsynced = (nowNs, cause) }
    }

    /// No segment is in doubt any more.
    mutating func renewed() { unsynced = nil }

    /// Why the disk is to be given no frame though it takes them; nil where it may be. The clock is read only
    /// where segments are in doubt.
    func distrust(_ clock: any AgentClock) -> FileError? {
        guard let unsynced, clock.monotonicNs >= unsynced.sinceNs + Self.patienceNs else { return nil }
        return unsynced.cause
    }

    /// Whether the disk is to be asked now: in each round of the keeper, once the pause is over.
    func isDue(nowNs: UInt64) -> Bool { spell != nil && nowNs >= dueNs }

    mutating func took(_ samples: UInt64) { spell?.samples += samples }

    mutating func dropped(_ samples: UInt64) { spell?.dropped += samples }

    /// The disk takes frames again. Returns the spell that is over.
    mutating func succeeded(nowNs: UInt64) -> Spell? {
        defer { spell = nil }
        if spell != nil { endedNs = nowNs }
        unsynced = nil
        refusedToReturn()
        return spell
    }
}
