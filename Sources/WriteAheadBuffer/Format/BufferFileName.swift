import Platform

/// Names of the buffer's files in its directory. Everything else there is left alone.
enum BufferFileName {
    static let lock = "narthex.lock"
    static let reserve = "narthex.reserve"
    /// Made and removed to ask the disk whether it takes files.
    static let probe = "narthex.probe"
    /// What the ended segments begin with.
    static let index = "narthex.segments"
    private static let unfinishedSuffix = ".new"
    private static let segmentSuffix = ".segment"
    private static let cursorPrefix = "cursor-"
    private static let cursorSuffix = ".log"

    /// Twenty digits, so that names sort as numbers do.
    static func segment(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 20 - digits.count) + digits + segmentSuffix
    }

    /// The number in a segment's name; nil for other names.
    static func segmentNumber(_ name: String) -> UInt64? {
        guard name.hasSuffix(segmentSuffix) else { return nil }
        let digits = name.dropLast(segmentSuffix.count)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return nil
        }
        // Numbers are counted up from 1: what is greater is not of our making.
        return UInt64(digits).flatMap { $0 <= BufferPosition.maxSegment ? $0 : nil }
    }

    /// Where the file at `path` is made anew; it has no meaning until it is renamed.
    static func unfinished(_ path: String) -> String { path + unfinishedSuffix }

    /// Whether it is a segment, a cursor or the index that was being made anew.
    static func isUnfinished(_ name: String) -> Bool {
        guard name.hasSuffix(unfinishedSuffix) else { return false }
        let finished = String(name.dropLast(unfinishedSuffix.count))
        return segmentNumber(finished) != nil || isCursor(finished) || finished == index
    }

    /// A destination may be named anything, so its file goes by a hash; the name stands inside.
    static func cursor(_ destination: String) -> String {
        cursorPrefix + FNV1a(destination).hexadecimal + cursorSuffix
    }

    static func isCursor(_ name: String) -> Bool {
        guard name.hasPrefix(cursorPrefix), name.hasSuffix(cursorSuffix) else { return false }
        let digits = name.dropFirst(cursorPrefix.count).dropLast(cursorSuffix.count)
        return digits.utf8.count == 16
            && digits.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// The number in the header of the destination's cursor: the hash in the name of its file.
    static func hash(_ destination: String) -> UInt64 { FNV1a(destination).value }
}
