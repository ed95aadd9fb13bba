/// One file as it lies on a disk.
struct FileImage: Sendable {
    var bytes: [UInt8] = []
    /// Of the last change of its content: part of what tells one version of a file from another.
    var modifiedNs: Int64 = 0

    mutating func write(_ added: ArraySlice<UInt8>, at offset: Int) {
        let end = offset + added.count
        if end > bytes.count { bytes += repeatElement(0, count: end - bytes.count) }
        bytes.replaceSubrange(offset..<end, with: added)
    }

    /// Cuts it, or makes it longer with zeros.
    mutating func truncate(to length: Int) {
        if length < bytes.count {
            bytes.removeLast(bytes.count - length)
        } else {
            bytes += repeatElement(0, count: length - bytes.count)
        }
    }
}

/// A folder with its files, as a start finds it. Files are copied when they change: an image costs its names.
struct DiskImage: Sendable {
    /// By inode.
    var files: [Int: FileImage] = [:]
    /// Inodes by path.
    var names: [String: Int] = [:]

    /// Equal images have equal digests. Only in this process.
    var digest: Int {
        var hasher = Hasher()
        for (name, inode) in names.sorted(by: { $0.key < $1.key }) {
            hasher.combine(name)
            hasher.combine(inode)
            guard let file = files[inode] else { continue }
            hasher.combine(file.modifiedNs)
            hasher.combine(file.bytes.count)
            SpanBytes.mix(file.bytes, into: &hasher)
        }
        return hasher.finalize()
    }
}
