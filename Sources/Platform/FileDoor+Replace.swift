extension FileDoor {
    /// Puts `contents` in the place of the file at `path`, all at once: a reader sees the old file or the new
    /// one, also after a crash. The new one is readable by everybody, or by its owner alone.
    public func replace(
        _ path: String, with contents: [UInt8], isPublic: Bool = true
    ) throws(FileError) {
        // Putting a file in the place of a device, a pipe or a folder is never what was meant.
        if let old = try status(path), !old.isRegular {
            throw FileError(operation: "replace", path: path, errno: 0, message: "it is no regular file")
        }
        let fresh = path + ".new"
        // One that a crash left behind.
        if try status(fresh) != nil { try remove(fresh) }
        let file = try open(fresh, isPublic ? .publish : .create)
        let written: Result<Void, FileError>
        do throws(FileError) {
            // Safety: UInt8 has no padding that could be read.
            try unsafe write(contents.span.bytes, to: file, at: 0)
            try sync(file)
            written = .success(())
        } catch {
            written = .failure(error)
        }
        try close(file)
        do throws(FileError) {
            try written.get()
            try rename(fresh, to: path)
        } catch {
            // The error that counts is the first one; what is left over is removed by the next try.
            try? remove(fresh)
            throw error
        }
    }
}
