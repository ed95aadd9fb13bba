#if canImport(Glibc)
import Glibc
#endif

extension POSIXFiles {
    /// All that comes out of a pipe, a terminal or another device until its end; refused above `limitBytes`,
    /// and when nothing comes for `waitMs`. Ends early when the task is cancelled.
    public func streamed(
        from path: String, limitBytes: Int, waitMs: Int64
    ) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        let result: Result<[UInt8], FileError>
        do throws(FileError) {
            result = .success(try readToEnd(file, limitBytes: limitBytes, waitMs: waitMs))
        } catch {
            result = .failure(error)
        }
        try close(file)
        return try result.get()
    }

    private func readToEnd(
        _ file: OpenFile, limitBytes: Int, waitMs: Int64
    ) throws(FileError) -> [UInt8] {
        func failure(_ operation: String, _ message: String, errno code: Int32 = 0) -> FileError {
            FileError(operation: operation, path: file.path, errno: code, message: message)
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var patienceMs = waitMs
        while true {
            // In slices, so that a person who ends it does not wait for the writer.
            let sliceMs = min(patienceMs, 200)
            var ready = pollfd(fd: file.descriptor, events: Int16(POLLIN), revents: 0)
            // Safety: one entry, which the kernel fills in during the call.
            let count = unsafe poll(&ready, 1, Int32(clamping: sliceMs))
            if Task.isCancelled { throw failure("poll", "cancelled") }
            if count == 0 {
                patienceMs -= sliceMs
                if patienceMs > 0 { continue }
                throw failure("poll", "nobody has written to it for \(waitMs / 1_000) s")
            }
            var length = -1
            if count > 0 {
                // Safety: the pointer is the chunk's own, for its length, during the call.
                length = unsafe chunk.withUnsafeMutableBytes {
                    unsafe Glibc.read(file.descriptor, $0.baseAddress, $0.count)
                }
            }
            if length < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                let code = errno
                let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)"
                throw failure("read", text, errno: code)
            }
            guard length > 0 else { return bytes }
            guard bytes.count + length <= limitBytes else {
                throw failure("read", "there is more than the \(limitBytes) bytes allowed")
            }
            bytes.append(contentsOf: chunk[..<length])
            patienceMs = waitMs
        }
    }
}
