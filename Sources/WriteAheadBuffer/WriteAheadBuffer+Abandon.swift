import Platform
import Synchronization

extension WriteAheadBuffer {
    /// Lets the directory go as it was found: for a start that failed elsewhere. When no frame was appended,
    /// the segment begun and the cursors made by it are removed, so that a start which is tried again and
    /// again leaves nothing behind.
    public func abandon() throws(BufferError) {
        let (begun, cursors) = state.withLock { state -> (UInt64?, [String]) in
            guard let writer = state.writer, writer.targetCount == 0 else { return (nil, []) }
            return (writer.number, state.newDestinations)
        }
        do throws(FileError) {
            // While the lock is held: afterwards the directory may be another process'.
            for name in cursors { try core.files.remove("\(core.directory)/\(BufferFileName.cursor(name))") }
            if let begun { try core.files.remove("\(core.directory)/\(BufferFileName.segment(begun))") }
            try close(durably: false)
        } catch {
            throw .io("the buffer cannot be let go", error, segment: begun)
        }
    }
}
