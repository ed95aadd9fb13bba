import Platform
import Synchronization

/// A disk in memory that is as strict as the kernel where the buffer depends on it: a name is made once, a
/// lock has one holder, a descriptor that is closed is of no use. What no sync has made durable goes with the
/// power.
final class FaultDisk: FileDoor {
    private struct Inode: Sendable {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// Written since the last sync, whether that was good or not.
        var dirty: [Range<Int>] = []
        /// A number for each change.
        var modifiedNs: Int64 = 0

        /// What is durable is all there is.
        mutating func losePower() { (bytes, dirty) = (durable, []) }

        /// All there is is durable.
        mutating func settle() { (durable, dirty) = (bytes, []) }

        mutating func sync() {
            if durable.count < bytes.count {
                durable += repeatElement(0, count: bytes.count - durable.count)
            } else {
                durable.removeLast(durable.count - bytes.count)
            }
            for range in dirty {
                let range = range.clamped(to: 0..<bytes.count)
                durable.replaceSubrange(range, with: bytes[range])
            }
            dirty = []
        }
    }

    private struct State: Sendable {
        var inodes: [Int: Inode] = [:]
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var open: [Int32: Int] = [:]
        /// By inode, the descriptor that has locked it.
        var locks: [Int: Int32] = [:]
        var nextDescriptor: Int32 = 100
        var nextInode = 1
        var changes: Int64 = 0

        mutating func changed(_ inode: Int) {
            changes += 1
            inodes[inode]?.modifiedNs = changes
        }

        mutating func make(_ path: String) -> Int {
            let inode = nextInode
            nextInode += 1
            inodes[inode] = Inode()
            names[path] = inode
            changed(inode)
            return inode
        }
    }

    private let state: Mutex<State>

    init() { state = Mutex(State()) }

    /// A disk with these files, all of them durable.
    convenience init(_ files: [String: [UInt8]]) {
        self.init()
        for path in files.keys.sorted() { put(path, files[path] ?? []) }
        state.withLock { state in
            for inode in state.inodes.keys { state.inodes[inode]?.sync() }
            state.durableNames = state.names
        }
    }

    private init(_ state: State) { self.state = Mutex(state) }

    /// Another disk with the same content, on which no file is open; with what is durable only, where the
    /// power is lost.
    func fork(losingPower: Bool = false) -> FaultDisk {
        var copy = state.withLock { $0 }
        (copy.open, copy.locks) = ([:], [:])
        if losingPower {
            copy.names = copy.durableNames
            for inode in copy.inodes.keys { copy.inodes[inode]?.losePower() }
        }
        return FaultDisk(copy)
    }

    /// All files with their content.
    var files: [String: [UInt8]] {
        state.withLock { state in state.names.mapValues { state.inodes[$0]?.bytes ?? [] } }
    }

    /// Changes a file as a disk does that rots: its time and its inode stay.
    func rot(_ path: String, _ change: (inout [UInt8]) -> Void) {
        state.withLock { state in
            guard let inode = state.names[path] else { return }
            change(&state.inodes[inode, default: Inode()].bytes)
            state.inodes[inode]?.settle()
        }
    }

    /// Cuts a file off. Its length tells, and so does its time.
    func cut(_ path: String, to length: Int) {
        state.withLock { state in
            guard let inode = state.names[path], let file = state.inodes[inode] else { return }
            state.inodes[inode]?.bytes.removeLast(max(0, file.bytes.count - length))
            state.inodes[inode]?.settle()
            state.changed(inode)
        }
    }

    private func put(_ path: String, _ bytes: [UInt8]) {
        state.withLock { state in
            let inode = state.names[path] ?? state.make(path)
            state.inodes[inode]?.bytes = bytes
            state.inodes[inode]?.dirty = [0..<bytes.count]
        }
    }

    /// A sync of the file has failed: the kernel gives up the pages that were to be written.
    func losePages(of file: OpenFile) {
        state.withLock { state in
            if let inode = state.open[file.descriptor] { state.inodes[inode]?.dirty = [] }
        }
    }

    private func error(_ operation: String, _ path: String, _ errno: Int32) -> FileError {
        FileError(operation: operation, path: path, errno: errno, message: "errno \(errno)")
    }

    /// Does `body` with the inode that the descriptor is of; EBADF where it is of none.
    private func with<Value: Sendable>(
        _ operation: String, _ file: OpenFile, _ body: (inout State, Int) -> Value
    ) throws(FileError) -> Value {
        let value = state.withLock { state -> Value? in
            guard let inode = state.open[file.descriptor] else { return nil }
            return body(&state, inode)
        }
        guard let value else { throw error(operation, file.path, 9) }
        return value
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        let (descriptor, errno) = state.withLock { state -> (Int32, Int32) in
            var inode = state.names[path]
            switch mode {
            case .read: if inode == nil { return (0, 2) }
            case .create, .publish: if inode != nil { return (0, 17) }
            case .update: break
            }
            inode = inode ?? state.make(path)
            state.nextDescriptor += 1
            state.open[state.nextDescriptor] = inode
            return (state.nextDescriptor, 0)
        }
        guard errno == 0 else { throw error("open", path, errno) }
        return OpenFile(descriptor: descriptor, path: path)
    }

    func close(_ file: OpenFile) throws(FileError) {
        try with("close", file) { state, inode in
            state.open[file.descriptor] = nil
            if state.locks[inode] == file.descriptor { state.locks[inode] = nil }
        }
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        // Safety: the bytes are copied before the span ends.
        let copy = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        try with("pwrite", file) { state, inode in
            let range = Int(offset)..<Int(offset) + copy.count
            let missing = range.upperBound - (state.inodes[inode]?.bytes.count ?? 0)
            if missing > 0 { state.inodes[inode]?.bytes += [UInt8](repeating: 0, count: missing) }
            state.inodes[inode]?.bytes.replaceSubrange(range, with: copy)
            state.inodes[inode]?.dirty.append(range)
            state.changed(inode)
        }
    }

    func read(into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64)
        throws(FileError)
        -> Int
    {
        let wanted = buffer.byteCount
        let bytes = try with("pread", file) { state, inode -> ArraySlice<UInt8> in
            (state.inodes[inode]?.bytes ?? []).dropFirst(Int(offset)).prefix(wanted)
        }
        // Safety: no more bytes than the buffer has.
        unsafe buffer.withUnsafeMutableBytes { room in unsafe room.copyBytes(from: bytes) }
        return bytes.count
    }

    func sync(_ file: OpenFile) throws(FileError) {
        try with("fdatasync", file) { state, inode in state.inodes[inode]?.sync() ?? () }
    }

    func syncDirectory(_ path: String) throws(FileError) {
        state.withLock { $0.durableNames = $0.names }
    }

    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try with("ftruncate", file) { state, inode in
            let surplus = (state.inodes[inode]?.bytes.count ?? 0) - Int(length)
            if surplus > 0 { state.inodes[inode]?.bytes.removeLast(surplus) }
            state.changed(inode)
        }
    }

    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {}

    func length(of file: OpenFile) throws(FileError) -> UInt64 {
        try with("fstat", file) { state, inode in UInt64(state.inodes[inode]?.bytes.count ?? 0) }
    }

    func rename(_ from: String, to: String) throws(FileError) {
        let isThere = state.withLock { state -> Bool in
            guard let inode = state.names.removeValue(forKey: from) else { return false }
            state.names[to] = inode
            return true
        }
        guard isThere else { throw error("rename", from, 2) }
    }

    func remove(_ path: String) throws(FileError) {
        guard state.withLock({ $0.names.removeValue(forKey: path) }) != nil else {
            throw error("unlink", path, 2)
        }
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        let prefix = directory + "/"
        return state.withLock { state in
            state.names.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }.sorted()
    }

    func makeDirectory(_ path: String) throws(FileError) {}

    func lock(_ file: OpenFile) throws(FileError) -> Bool {
        try with("flock", file) { state, inode in
            if let holder = state.locks[inode], holder != file.descriptor { return false }
            state.locks[inode] = file.descriptor
            return true
        }
    }

    func freeBytes(_ directory: String) -> UInt64? { 1 << 40 }

    func status(_ path: String) throws(FileError) -> FileStatus? {
        state.withLock { state in
            guard let number = state.names[path], let inode = state.inodes[number] else { return nil }
            return FileStatus(
                modifiedNs: inode.modifiedNs, inode: UInt64(number), length: UInt64(inode.bytes.count),
                isDirectory: false, isRegular: true)
        }
    }
}
