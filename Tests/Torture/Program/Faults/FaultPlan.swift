/// What a disk may refuse: the calls of the file door, told apart where a fault needs it.
enum FaultCall: String, CaseIterable, Sendable {
    /// Opening for reading; making a file that must not be there; making it or opening it for writing.
    case open, create, update
    case close, write, read, sync, syncDirectory, truncate, allocate, length, rename, remove, list
    case makeDirectory, lock, status
}

/// A way to fail.
enum FaultSort: String, CaseIterable, Sendable {
    case eio, enospc, emfile, erofs
    /// A write of which some was done before it failed: with EIO, and with ENOSPC.
    case oneByteEIO, halfEIO, allButOneEIO
    case oneByteNoSpace, halfNoSpace, allButOneNoSpace

    var errno: Int32 {
        switch self {
        case .eio, .oneByteEIO, .halfEIO, .allButOneEIO: 5
        case .enospc, .oneByteNoSpace, .halfNoSpace, .allButOneNoSpace: 28
        case .emfile: 24
        case .erofs: 30
        }
    }

    /// How much of a write is done before it fails.
    func kept(of bytes: Int) -> Int {
        switch self {
        case .eio, .enospc, .emfile, .erofs: 0
        case .oneByteEIO, .oneByteNoSpace: min(1, bytes)
        case .halfEIO, .halfNoSpace: bytes / 2
        case .allButOneEIO, .allButOneNoSpace: max(0, bytes - 1)
        }
    }

    /// Whether the kernel may answer this call so. ENOSPC may come with fdatasync: NFS, quotas and thin
    /// volumes find out that late.
    func meets(_ call: FaultCall) -> Bool {
        switch self {
        case .eio: true
        case .enospc: [.create, .update, .write, .sync, .rename, .allocate, .makeDirectory].contains(call)
        case .emfile: [.open, .create, .update, .syncDirectory, .list].contains(call)
        case .erofs: [.create, .update, .write, .truncate, .rename, .remove, .sync].contains(call)
        case .oneByteEIO, .halfEIO, .allButOneEIO: call == .write
        case .oneByteNoSpace, .halfNoSpace, .allButOneNoSpace: call == .write
        }
    }
}

/// Which calls fail, and how.
struct FaultPlan: Sendable {
    enum Extent: String, CaseIterable, Sendable {
        /// One call.
        case once
        /// What comes within so many calls.
        case spell
        /// Everything until the disk is healed.
        case lasting
    }

    static let spellCalls = 25

    /// The number of the first call that may fail.
    let first: Int
    let sort: FaultSort
    let extent: Extent

    func meets(_ number: Int, _ call: FaultCall) -> Bool {
        guard number >= first, sort.meets(call) else { return false }
        switch extent {
        case .once: return number == first
        case .spell: return number < first + Self.spellCalls
        case .lasting: return true
        }
    }
}
