import Platform
import Synchronization

/// A disk in memory of which every call is counted, those that only read among them. It keeps a journal of
/// them, so that a workload runs once and each of its crash points can be made from the journal.
final class JournalFiles: FileDoor {
    private struct State {
        var image: DiskImage
        /// Inodes by descriptor.
        var open: [Int32: Int] = [:]
        /// Descriptors by the inode that they have locked.
        var locked: [Int: Int32] = [:]
        var nextDescriptor: Int32 = 100
        var nextInode: Int
        var calls = 0
        var journal: [DoorCall] = []
        /// Changes are stamped by the number of their call, and later than what was there before.
        let stampBase: Int64

        var stampNs: Int64 { stampBase + Int64(calls) + 1 }

        mutating func create(_ path: String) -> Int {
            let inode = nextInode
            nextInode += 1
            image.names[path] = inode
            image.files[inode] = FileImage(modifiedNs: stampNs)
            return inode
        }
    }

    /// What a call gives and changes.
    private struct Outcome<Value: Sendable>: Sendable {
        var result: Result<Value, FileError>
        var effect = DoorCall.Effect.none
        /// Where it is not the kind that was asked for.
        var kind: DoorCall.Kind?

        static func good(_ value: Value, _ effect: DoorCall.Effect = .none) -> Outcome {
            Outcome(result: .success(value), effect: effect)
        }

        static func bad(_ operation: String, _ path: String, _ errno: Int32) -> Outcome {
            Outcome(result: .failure(JournalFiles.error(operation, path, errno)))
        }
    }

    private let state: Mutex<State>
    private let keepsJournal: Bool

    /// A disk on which no file is open.
    init(_ image: DiskImage = DiskImage(), keepsJournal: Bool) {
        self.keepsJournal = keepsJournal
        let stampBase = image.files.values.reduce(Int64(0)) { max($0, $1.modifiedNs) }
        let nextInode = (image.files.keys.max() ?? 0) + 1
        state = Mutex(State(image: image, nextInode: nextInode, stampBase: stampBase))
    }

    /// Calls so far.
    var callCount: Int { state.withLock { $0.calls } }
    var journal: [DoorCall] { state.withLock { $0.journal } }
    var image: DiskImage { state.withLock { $0.image } }
    /// Descriptors that were not closed.
    var openCount: Int { state.withLock { $0.open.count } }

    /// A sync that fails: what was written since the last good one will not be durable.
    func failSync(_ file: OpenFile) throws(FileError) {
        try perform(.sync, file.path) { state -> Outcome<Void> in
            var outcome = Outcome<Void>.bad("fdatasync", file.path, 5)
            if let inode = state.open[file.descriptor] {
                outcome.effect = .sync(inode: inode, isGood: false)
            }
            return outcome
        }
    }

    private static func error(_ operation: String, _ path: String, _ errno: Int32) -> FileError {
        FileError(operation: operation, path: path, errno: errno, message: "error \(errno)")
    }

    /// Does the call, counts it and notes it in the journal.
    private func perform<Value: Sendable>(
        _ kind: DoorCall.Kind, _ path: String, _ body: (inout State) -> Outcome<Value>
    ) throws(FileError) -> Value {
        let outcome = state.withLock { state -> Outcome<Value> in
            let outcome = body(&state)
            if keepsJournal {
                state.journal.append(
                    DoorCall(
                        number: state.calls, kind: outcome.kind ?? kind, path: path, effect: outcome.effect))
            }
            state.calls += 1
            return outcome
        }
        return try outcome.result.get()
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
        let descriptor = try perform(.open, path) { state -> Outcome<Int32> in
            let known = state.image.names[path]
            switch mode {
            case .read: if known == nil { return .bad("open", path, 2) }
            case .create, .publish: if known != nil { return .bad("open", path, 17) }
            case .update: break
            }
            let inode = known ?? state.create(path)
            state.nextDescriptor += 1
            state.open[state.nextDescriptor] = inode
            var outcome = Outcome<Int32>.good(state.nextDescriptor)
            if known == nil {
                outcome.kind = .create
                outcome.effect = .create(inode: inode)
            }
            return outcome
        }
        return OpenFile(descriptor: descriptor, path: path)
    }

    func close(_ file: OpenFile) throws(FileError) {
        try perform(.close, file.path) { state -> Outcome<Void> in
            guard let inode = state.open.removeValue(forKey: file.descriptor) else {
                return .bad("close", file.path, 9)
            }
            if state.locked[inode] == file.descriptor { state.locked[inode] = nil }
            return .good(())
        }
    }

    func write(_ bytes: RawSpan, to file: OpenFile, at offset: UInt64) throws(FileError) {
        let copy = SpanBytes.copy(bytes)
        try perform(.write, file.path) { state -> Outcome<Void> in
            guard let inode = state.open[file.descriptor] else { return .bad("pwrite", file.path, 9) }
            let stampNs = state.stampNs
            state.image.files[inode, default: FileImage()].write(copy[...], at: Int(offset))
            state.image.files[inode]?.modifiedNs = stampNs
            return .good((), .write(inode: inode, offset: Int(offset), bytes: copy))
        }
    }

    func read(
        into buffer: inout MutableRawSpan, from file: OpenFile, at offset: UInt64
    ) throws(FileError) -> Int {
        let wanted = buffer.byteCount
        let bytes = try perform(.read, file.path) { state -> Outcome<ArraySlice<UInt8>> in
            guard let inode = state.open[file.descriptor], let content = state.image.files[inode]?.bytes
            else { return .bad("pread", file.path, 9) }
            return .good(content.dropFirst(Int(clamping: offset)).prefix(wanted))
        }
        SpanBytes.put(bytes, into: &buffer)
        return bytes.count
    }

    func sync(_ file: OpenFile) throws(FileError) {
        try perform(.sync, file.path) { state -> Outcome<Void> in
            guard let inode = state.open[file.descriptor] else { return .bad("fdatasync", file.path, 9) }
            return .good((), .sync(inode: inode, isGood: true))
        }
    }

    func syncDirectory(_ path: String) throws(FileError) {
        try perform(.syncDirectory, path) { _ -> Outcome<Void> in .good((), .syncDirectory) }
    }

    func truncate(_ file: OpenFile, to length: UInt64) throws(FileError) {
        try perform(.truncate, file.path) { state -> Outcome<Void> in
            guard let inode = state.open[file.descriptor] else { return .bad("ftruncate", file.path, 9) }
            let stampNs = state.stampNs
            state.image.files[inode, default: FileImage()].truncate(to: Int(length))
            state.image.files[inode]?.modifiedNs = stampNs
            return .good((), .truncate(inode: inode, length: Int(length)))
        }
    }

    func allocate(_ file: OpenFile, length: UInt64) throws(FileError) {
        try perform(.allocate, file.path) { _ -> Outcome<Void> in .good(()) }
    }

    func length(of file: OpenFile) throws(FileError) -> UInt64 {
        try perform(.length, file.path) { state -> Outcome<UInt64> in
            guard let inode = state.open[file.descriptor] else { return .bad("fstat", file.path, 9) }
            return .good(UInt64(state.image.files[inode]?.bytes.count ?? 0))
        }
    }

    func rename(_ from: String, to: String) throws(FileError) {
        try perform(.rename, from) { state -> Outcome<Void> in
            guard let inode = state.image.names.removeValue(forKey: from) else {
                return .bad("rename", from, 2)
            }
            state.image.names[to] = inode
            return .good((), .rename(to: to))
        }
    }

    func remove(_ path: String) throws(FileError) {
        try perform(.remove, path) { state -> Outcome<Void> in
            guard state.image.names.removeValue(forKey: path) != nil else { return .bad("unlink", path, 2) }
            return .good((), .remove)
        }
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        try perform(.list, directory) { state -> Outcome<[String]> in
            let inside = state.image.names.keys.filter { $0.hasPrefix(directory + "/") }
            return .good(inside.map { String($0.dropFirst(directory.count + 1)) }.sorted())
        }
    }

    func makeDirectory(_ path: String) throws(FileError) {
        try perform(.makeDirectory, path) { _ -> Outcome<Void> in .good(()) }
    }

    func lock(_ file: OpenFile) throws(FileError) -> Bool {
        try perform(.lock, file.path) { state -> Outcome<Bool> in
            guard let inode = state.open[file.descriptor] else { return .bad("flock", file.path, 9) }
            guard state.locked[inode] ?? file.descriptor == file.descriptor else { return .good(false) }
            state.locked[inode] = file.descriptor
            return .good(true)
        }
    }

    func freeBytes(_ directory: String) -> UInt64? { 1 << 40 }

    func status(_ path: String) throws(FileError) -> FileStatus? {
        try perform(.status, path) { state -> Outcome<FileStatus?> in
            guard let inode = state.image.names[path], let file = state.image.files[inode] else {
                return .good(nil)
            }
            return .good(
                FileStatus(
                    modifiedNs: file.modifiedNs, inode: UInt64(inode), length: UInt64(file.bytes.count),
                    isDirectory: false, isRegular: true))
        }
    }
}
