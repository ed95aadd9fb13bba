/// One call of the file door, with what it has changed.
struct DoorCall: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case open, create, close, write, read, sync, syncDirectory, truncate, allocate, length, rename, remove
        case list, makeDirectory, lock, status
    }

    enum Effect: Sendable {
        case none
        case create(inode: Int)
        case write(inode: Int, offset: Int, bytes: [UInt8])
        case truncate(inode: Int, length: Int)
        /// A sync that failed has given the pages up: a later one that is good does not write them.
        case sync(inode: Int, isGood: Bool)
        case syncDirectory
        case rename(to: String)
        case remove
    }

    /// Calls are counted from 0.
    let number: Int
    let kind: Kind
    let path: String
    let effect: Effect
}
