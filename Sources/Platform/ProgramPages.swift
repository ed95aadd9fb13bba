#if canImport(Glibc)
import Glibc
#endif

/// The memory that the program's own code and its libraries' takes.
public enum ProgramPages {
    /// Lets go of code and constants that the start needed and running does not: reading the configuration,
    /// linking the libraries, building metadata. The kernel maps program files sixteen pages around each one
    /// touched and keeps them; what is needed again is mapped again from its cache, at about a microsecond
    /// for each run of sixteen. Most of an idle agent's resident memory is such pages.
    ///
    /// Returns the bytes of address space let go of; 0 when /proc cannot be read, which costs nothing but the
    /// memory.
    @discardableResult
    public static func release(files: any FileDoor) -> Int {
        // Line by line: what the whole takes, malloc would keep.
        var mappings = UnchangedMappings()
        let read: Void? = try? files.forEachLine(of: "/proc/self/smaps", limitBytes: 4 << 20) {
            mappings.take(String(decoding: $0, as: UTF8.self))
        }
        // Without /proc nothing is let go.
        guard read != nil else { return 0 }
        var total = 0
        for range in mappings.end() {
            guard let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(range.lowerBound)) else {
                continue
            }
            // Safety: the range is a whole private mapping of a file in which no page differed from the
            // file's when it was looked at, and which nobody may write to: its pages come back from the file
            // when they are touched. A library unloaded meanwhile would make the call fail, which leaves
            // things as they are.
            if unsafe madvise(start, range.count, Int32(MADV_DONTNEED)) == 0 { total += range.count }
        }
        return total
    }

    /// Bytes in memory of the pages of files that this process has changed for itself: constants that the
    /// dynamic linker has filled in, variables of the program and of its libraries. 0 when /proc cannot be
    /// read.
    public static func writtenBytes(files: any FileDoor) -> Int {
        var written = WrittenMappings()
        // What was read before an error counts.
        _ = try? files.forEachLine(of: "/proc/self/smaps", limitBytes: 4 << 20) {
            written.take(String(decoding: $0, as: UTF8.self))
        }
        return written.bytes
    }
}

/// Counts anonymous pages of mappings of files in the lines of /proc/PID/smaps (proc(5)).
struct WrittenMappings {
    private(set) var bytes = 0
    private var isOfFile = false

    mutating func take(_ line: String) {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = fields.first else { return }
        if first.utf8.last != UInt8(ascii: ":") {
            isOfFile = fields.count >= 6 && fields[5].utf8.first == UInt8(ascii: "/")
        } else if first == "Anonymous:", isOfFile, fields.count >= 2, let kib = Int(fields[1]),
            (0..<1 << 40).contains(kib)
        {
            bytes += kib << 10
        }
    }
}

/// The read-only mappings of files in the lines of /proc/PID/smaps (proc(5)) that hold nothing but what
/// their files hold. The dynamic linker writes to some mappings before it makes them read-only, and a
/// debugger writes to code: the kernel counts such pages as anonymous, or as swapped out.
struct UnchangedMappings {
    private var found: [Range<UInt64>] = []
    private var candidate: Range<UInt64>?
    private var isCounted = false

    mutating func take(_ line: String) {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = fields.first else { return }
        if first.utf8.last != UInt8(ascii: ":") {
            endMapping()
            candidate = Self.readOnlyRange(fields)
        } else if first == "Anonymous:" {
            isCounted = true
            if fields.count < 2 || fields[1] != "0" { candidate = nil }
        } else if first == "Swap:", fields.count < 2 || fields[1] != "0" {
            candidate = nil
        }
    }

    /// All of them, in their order.
    mutating func end() -> [Range<UInt64>] {
        endMapping()
        return found
    }

    private mutating func endMapping() {
        if let candidate, isCounted { found.append(candidate) }
        candidate = nil
        isCounted = false
    }

    /// The addresses of a mapping's first line, where it is a private one of a file that nobody may write to.
    private static func readOnlyRange(_ fields: [Substring]) -> Range<UInt64>? {
        guard fields.count >= 6, fields[1] == "r-xp" || fields[1] == "r--p",
            fields[5].utf8.first == UInt8(ascii: "/")
        else { return nil }
        let ends = fields[0].split(separator: "-")
        guard ends.count == 2, let low = UInt64(ends[0], radix: 16), let high = UInt64(ends[1], radix: 16),
            low < high, high - low < 1 << 40
        else { return nil }
        return low..<high
    }
}
