import Glibc
import Platform
import Testing

struct POSIXFilesStreamTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func pipe() throws -> String {
        let path = "\(folder.path)/pipe"
        // Safety: the path is a string that lives through the call.
        try #require(unsafe mkfifo(path, 0o600) == 0)
        return path
    }

    /// Opens the pipe for writing, which waits for the reader, and writes the pieces.
    func write(_ pieces: [[UInt8]], to path: String) {
        SystemThread.startOrExit(name: "writer") {
            // Safety: the path and each piece live through the calls, and a piece is read for its length.
            let descriptor = unsafe open(path, O_WRONLY)
            for piece in pieces { _ = unsafe Glibc.write(descriptor, piece, piece.count) }
            close(descriptor)
        }
    }

    @Test func aPipeIsReadToItsEndInPieces() throws {
        let path = try pipe()
        let pieces = [Array("global: {}\n".utf8), [UInt8](repeating: 0x23, count: 200_000)]
        write(pieces, to: path)
        let read = try POSIXFiles().streamed(from: path, limitBytes: 1 << 20, waitMs: 20_000)
        #expect(read == pieces.flatMap { $0 })
    }

    @Test func moreThanIsAllowedIsRefused() throws {
        let path = try pipe()
        write([[UInt8](repeating: 0x23, count: 60_000)], to: path)
        #expect {
            try POSIXFiles().streamed(from: path, limitBytes: 10_000, waitMs: 20_000)
        } throws: {
            "\($0)".contains("more than the 10000 bytes")
        }
    }

    @Test func nobodyIsWaitedForForEver() throws {
        let path = try pipe()
        #expect {
            try POSIXFiles().streamed(from: path, limitBytes: 10_000, waitMs: 20)
        } throws: {
            "\($0)".contains("nobody has written")
        }
    }

    @Test(.timeLimit(.minutes(1))) func whoeverEndsItDoesNotWaitForTheWriter() async throws {
        let path = try pipe()
        let read = Task { try POSIXFiles().streamed(from: path, limitBytes: 10_000, waitMs: 3_600_000) }
        read.cancel()
        await #expect {
            try await read.value
        } throws: {
            "\($0)".contains("cancelled")
        }
    }
}
