import Glibc

/// Says on standard error which case was being tried when the program traps. A trap is a finding, too, and
/// the only one that cannot be noted afterwards.
enum TrapTeller {
    private static let roomBytes = 512
    // Safety: allocated once and never freed. Written by the one thread that tries cases, and read by the
    // handler of a trap of that thread, or of another when the process ends anyway.
    private nonisolated(unsafe) static let text: UnsafeMutablePointer<UInt8> = {
        let text = UnsafeMutablePointer<UInt8>.allocate(capacity: roomBytes)
        unsafe text.initialize(repeating: 0, count: roomBytes)
        return unsafe text
    }()

    /// From now on a trap is told with the case's name.
    static func begin() {
        unsafe text[0] = 0
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
            signal(number) { number in
                let end = unsafe strnlen(
                    UnsafeRawPointer(TrapTeller.text).assumingMemoryBound(to: CChar.self),
                    TrapTeller.roomBytes)
                _ = unsafe write(2, TrapTeller.text, end)
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    /// The case that is tried from now on.
    static func trying(_ name: String) {
        var index = 0
        for byte in "FOUND a trap in \(name)\n".utf8 where index < roomBytes - 1 {
            unsafe text[index] = byte
            index += 1
        }
        unsafe text[index] = 0
    }
}
