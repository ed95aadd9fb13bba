import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The memory of this process that is in the machine's, as the kernel counts it: /proc/self/statm, proc(5).
public struct ResidentMemory: Sendable, Equatable {
    /// All of it: the numbers `VmRSS` of /proc/self/status and `process_resident_memory_bytes`.
    public var totalBytes: UInt64
    /// Pages of files and of memory that processes share: the program, its libraries. The kernel takes such
    /// pages back when it needs memory, and reads them again when they are touched.
    public var fileBytes: UInt64

    public init(totalBytes: UInt64, fileBytes: UInt64) {
        self.totalBytes = totalBytes
        self.fileBytes = fileBytes
    }

    /// Heap, stacks and what the program has written to: the kernel cannot take it back without swap.
    public var anonymousBytes: UInt64 { totalBytes > fileBytes ? totalBytes - fileBytes : 0 }

    /// The line of statm: numbers of pages, of which the second are resident and the third of those shared.
    /// Nil when it is no such line.
    init?(statm: Span<UInt8>, pageBytes: UInt64) {
        var numbers: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var field = 0
        var digits = 0
        for index in statm.indices where field < 3 {
            let byte = statm[index]
            if let digit = Self.digit(byte) {
                digits += 1
                // No machine has so many pages.
                guard digits <= 12 else { return nil }
                switch field {
                case 0: numbers.0 = numbers.0 * 10 + digit
                case 1: numbers.1 = numbers.1 * 10 + digit
                default: numbers.2 = numbers.2 * 10 + digit
                }
            } else {
                guard byte == UInt8(ascii: " "), digits > 0 else { return nil }
                field += 1
                digits = 0
            }
        }
        guard field == 3 else { return nil }
        self.init(totalBytes: numbers.1 * pageBytes, fileBytes: numbers.2 * pageBytes)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? UInt64(byte - UInt8(ascii: "0")) : nil
    }

    /// May be read as often as wanted: the file stays open, and a reading allocates nothing.
    public final class Source: Sendable {
        private static let path = "/proc/self/statm"

        private let files: any FileDoor
        private let pageBytes: UInt64
        /// Opened by the first look.
        private let file = Mutex<OpenFile?>(nil)

        public init(files: any FileDoor) {
            self.files = files
            pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        }

        deinit {
            // Nothing was written, so nothing is lost where closing fails.
            file.withLock { if let file = $0 { try? files.close(file) } }
        }

        /// The memory now. Any thread. Throws where there is no /proc.
        public func now() throws(FileError) -> ResidentMemory {
            let file = try opened()
            var line = InlineArray<128, UInt8>(repeating: 0)
            let count = try Self.read(files, file, into: &line)
            guard let found = ResidentMemory(statm: line.span.extracting(0..<count), pageBytes: pageBytes)
            else {
                throw FileError(
                    operation: "read", path: Self.path, errno: 0, message: "it is not what proc(5) says")
            }
            return found
        }

        private static func read(
            _ files: any FileDoor, _ file: OpenFile, into line: inout InlineArray<128, UInt8>
        ) throws(FileError) -> Int {
            var span = line.mutableSpan
            // Safety: UInt8 has no bit pattern that is not a value.
            var bytes = unsafe span.mutableBytes
            return try files.read(into: &bytes, from: file, at: 0)
        }

        private func opened() throws(FileError) -> OpenFile {
            let result: Result<OpenFile, FileError> = file.withLock { file in
                if let file { return .success(file) }
                do throws(FileError) {
                    let opened = try files.open(Self.path, .read)
                    file = opened
                    return .success(opened)
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }
}
