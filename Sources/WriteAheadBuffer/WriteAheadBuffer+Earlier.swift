internal import Platform
import Synchronization

/// What earlier runs have written, and may not have made durable.
extension WriteAheadBuffer {
    /// Makes segments of earlier runs durable. True when they are, but for those whose sync fails now: they
    /// are to be written anew, as any other. False when one cannot be opened; the next round tries again.
    func syncEarlier(_ syncing: inout Syncing) -> Bool {
        var failed: [UnsyncedTail] = []
        syncing.earlier.removeAll { number in
            guard let segment = core.catalog[number] else { return true }
            let file: OpenFile
            do throws(FileError) {
                file = try core.files.open(segment.path, .read)
            } catch {
                if error.errno == 2 { return true }  // ENOENT: it was removed meanwhile
                core.metrics.syncFailed(error)
                return false
            }
            let tail = UnsyncedTail(earlier: segment, file: file, files: core.files, metrics: core.metrics)
            do throws(FileError) {
                try tail.sync()
                // It is durable: a descriptor that does not close is the kernel's.
                try? core.files.close(file)
            } catch {
                // It has been told and counted; the segment is written anew.
                core.catalog.doubt(number)
                failed.append(tail)
            }
            return true
        }
        syncing.ended.insert(contentsOf: failed, at: 0)
        return syncing.earlier.isEmpty
    }
}
