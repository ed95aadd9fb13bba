#if canImport(Glibc)
import Glibc
#endif

/// The memory that the program's own code and its libraries' takes.
public enum ProgramPages {
    /// Lets go of code that the start needed and running does not: reading the configuration, loading
    /// libraries, building metadata. The kernel maps program files sixteen pages around each one touched
    /// and keeps them; what is needed again is mapped again from its cache, at about a microsecond for each
    /// run of sixteen. Most of an idle agent's resident memory is such pages.
    ///
    /// Returns the bytes of address space looked at; 0 when /proc cannot be read, which costs nothing but the
    /// memory.
    @discardableResult
    public static func release(files: any FileDoor) -> Int {
        // Without /proc nothing is let go.
        guard let bytes = try? files.contents(of: "/proc/self/maps", limitBytes: 4 << 20) else { return 0 }
        var total = 0
        for range in codeRanges(String(decoding: bytes, as: UTF8.self)) {
            guard let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(range.lowerBound)) else {
                continue
            }
            // Safety: the range is a whole mapping of this process that is readable, executable, private, of
            // a file, and not writable: its pages equal the file's and come back from there when touched. A
            // library unloaded meanwhile would make the call fail, which leaves things as they are.
            if unsafe madvise(start, range.count, Int32(MADV_DONTNEED)) == 0 { total += range.count }
        }
        return total
    }

    /// The mappings of `maps` (proc(5)) that hold code of files. Read-only data is left alone: parts of it
    /// were written by the dynamic linker before they were protected, and those writes are nowhere else.
    static func codeRanges(_ maps: String) -> [Range<UInt64>] {
        maps.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count >= 6, fields[1] == "r-xp", fields[5].utf8.first == UInt8(ascii: "/") else {
                return nil
            }
            let ends = fields[0].split(separator: "-")
            guard ends.count == 2, let low = UInt64(ends[0], radix: 16),
                let high = UInt64(ends[1], radix: 16), low < high, high - low < 1 << 40
            else { return nil }
            return low..<high
        }
    }
}
