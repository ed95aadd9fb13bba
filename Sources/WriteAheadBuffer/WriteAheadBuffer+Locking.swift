internal import Platform

/// The directory's lock, and letting go.
extension WriteAheadBuffer {
    /// Takes the directory for this process. A lock that another holds is waited for a second: a process that
    /// has just ended may have started a child, which holds every open file until it runs its own program.
    static func lock(_ directory: String, files: any FileDoor) throws(BufferError) -> OpenFile {
        let path = "\(directory)/\(BufferFileName.lock)"
        do throws(FileError) {
            try files.makeDirectory(directory)
            let file = try files.open(path, .update)
            do throws(FileError) {
                for attempt in 0..<50 {
                    if attempt > 0 { SystemThread.pause(ms: 20) }
                    if try files.lock(file) { return file }
                }
            } catch {
                // What failed is thrown.
                try? files.close(file)
                throw error
            }
            try files.close(file)
        } catch {
            throw .io("the storage directory cannot be used", error)
        }
        let pid = LockHolder.pid(of: path, files: files)
        let holder = pid.map { "another process, probably \($0)" } ?? "another process"
        throw BufferError(
            .locked,
            "the storage directory \(directory) is locked by \(holder): stop it, or use another directory")
    }

    /// Does one of several things that are all to be done, and keeps the error of one that fails.
    static func attempt(_ failures: inout [FileError], _ body: () throws(FileError) -> Void) {
        do throws(FileError) {
            try body()
        } catch {
            failures.append(error)
        }
    }
}
