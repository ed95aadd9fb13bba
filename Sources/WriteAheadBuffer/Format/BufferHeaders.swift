public import Platform

/// What the headers of the files in a buffer's directory say. Looking locks, changes and makes nothing, so it
/// may be done while an agent runs there.
public struct BufferHeaders: Sendable, Equatable {
    /// The format version in which an agent writes.
    public static let writtenVersion = FileHeader.formatVersion
    /// So many files are looked at: a buffer has one for each 15 minutes or 32 MiB, and one a destination.
    static let mostFiles = 10_000

    /// The number of files by format version, for the versions that this program reads.
    public private(set) var counts: [UInt32: Int]
    /// Of each file of another version, or with a feature that is not known: a sentence with its path.
    public private(set) var refused: [String]
    /// The names of files of whose header neither copy can be read.
    public private(set) var damaged: [String]
    /// The names of files of whose header one copy can be read.
    public private(set) var halfDamaged: [String]
    /// Files that were not looked at, as there are too many.
    public private(set) var passedOver: Int

    public init(
        counts: [UInt32: Int] = [:], refused: [String] = [], damaged: [String] = [],
        halfDamaged: [String] = [], passedOver: Int = 0
    ) {
        self.counts = counts
        self.refused = refused
        self.damaged = damaged
        self.halfDamaged = halfDamaged
        self.passedOver = passedOver
    }

    /// Looks at the segments and cursors in `directory`; everything else there is left out. Blocks.
    public init(directory: String, files: any FileDoor) throws(FileError) {
        self.init()
        var looked = 0
        for name in try files.list(directory) {
            let number = BufferFileName.segmentNumber(name)
            guard number != nil || BufferFileName.isCursor(name) else { continue }
            guard looked < Self.mostFiles else {
                passedOver += 1
                continue
            }
            looked += 1
            let path = "\(directory)/\(name)"
            guard let (first, second) = try Self.copies(path, files: files) else { continue }
            let copies = [first, second].compactMap { $0 }.filter { header in
                number.map { header.kind == .segment && header.number == $0 } ?? (header.kind == .cursorLog)
            }
            guard let header = copies.first else {
                damaged.append(name)
                continue
            }
            if copies.count < 2 { halfDamaged.append(name) }
            if let reason = header.reasonNotRead(path) {
                refused.append(reason)
            } else {
                counts[header.version, default: 0] += 1
            }
        }
    }

    /// Both copies of a file's header; nil where the file is gone meanwhile, or begun and empty.
    private static func copies(
        _ path: String, files: any FileDoor
    ) throws(FileError) -> (FileHeader?, FileHeader?)? {
        // A pipe of that name would be waited for.
        guard let status = try files.status(path), status.isRegular, status.length > 0 else { return nil }
        do throws(FileError) {
            let file = try files.open(path, .read)
            // Only read from: nothing is lost if the close fails.
            defer { try? files.close(file) }
            let length = try files.length(of: file)
            guard length > 0 else { return nil }
            var window = RecordWindow(file, files: files)
            window.reach = .wanted
            let wanted = Int(min(length, UInt64(FileHeader.sizeBytes)))
            guard try window.require(wanted, at: 0, limit: length) != nil else { return nil }
            let room = window.bytes
            let bytes = room.span.extracting(0..<window.count)
            return (header(bytes, copy: 0), header(bytes, copy: 1))
        } catch {
            // ENOENT: an agent that runs there has removed it.
            if error.errno == 2 { return nil }
            throw error
        }
    }

    private static func header(_ bytes: Span<UInt8>, copy: Int) -> FileHeader? {
        let start = copy * FileHeader.copyBytes
        guard bytes.count >= start + FileHeader.copyBytes else { return nil }
        return FileHeader(bytes.extracting(start..<start + FileHeader.copyBytes))
    }
}
