internal import Platform

/// Writes an ended segment whose sync failed anew: into a fresh file, which then takes the old one's name.
///
/// What was durable is copied from the old file, the rest from memory. Number, length and every position in
/// the segment stay the same, so cursors, books and requests in flight hold; readers open the file again.
struct SegmentRenewal {
    /// Copied at a time.
    private static let pieceBytes = 128 << 10

    let core: BufferCore
    let tail: UnsyncedTail

    /// Runs while nobody removes segments. Throws when the disk still fails; then all is as before.
    func run() throws(FileError) {
        guard let info = core.catalog[tail.number] else { return }
        let files = core.files
        let temporary = BufferFileName.unfinished(info.path)
        // One that an earlier attempt could not remove.
        if try files.status(temporary) != nil { try files.remove(temporary) }
        let fresh = try files.open(temporary, .create)
        do throws(FileError) {
            let runs = tail.runs
            try copy(0, runs.first?.start ?? info.length, to: fresh)
            for run in runs {
                // Safety: UInt8 has no padding, so every byte of the span may be read.
                try unsafe files.write(run.copy.span.bytes, to: fresh, at: run.start)
                try copy(run.start + UInt64(run.copy.count), run.end, to: fresh)
            }
            try files.sync(fresh)
            try files.rename(temporary, to: info.path)
        } catch {
            // The old file stands. What is left of the fresh one has no meaning and goes with the next try.
            try? files.close(fresh)
            try? files.remove(temporary)
            throw error
        }
        core.names.changed()
        core.catalog.renewed(tail.number)
        // It is durable: a descriptor that does not close is the kernel's.
        try? files.close(fresh)
    }

    /// Copies a range of the old file.
    private func copy(_ start: UInt64, _ end: UInt64, to fresh: OpenFile) throws(FileError) {
        var window = RecordWindow(tail.file, files: core.files)
        var offset = start
        while offset < end {
            let count = Int(min(end - offset, UInt64(Self.pieceBytes)))
            guard let base = try window.require(count, at: offset, limit: end) else {
                throw FileError(
                    operation: "read", path: tail.file.path, errno: 0,
                    message: "the segment is shorter than what was written to it")
            }
            // Safety: UInt8 has no padding, so every byte of the span may be read.
            try unsafe core.files.write(
                window.bytes.span.bytes.extracting(base..<base + count), to: fresh, at: offset)
            offset += UInt64(count)
        }
    }
}
