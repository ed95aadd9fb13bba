import Platform

#if canImport(Glibc)
import Glibc
#endif

/// What ends the command: SIGTERM, SIGINT, or the end of standard input.
enum EndSignal {
    /// An event that is signalled when the end comes.
    static func watch(standardInput watchesStandardInput: Bool) -> Event {
        let end = Event()
        Signals.handle { signal in
            if signal != .hangUp { end.signal() }
        }
        guard watchesStandardInput else { return end }
        SystemThread.startOrExit(name: "stdin") {
            var byte: UInt8 = 0
            // Safety: one byte is read into one byte.
            while unsafe read(STDIN_FILENO, &byte, 1) > 0 {}
            end.signal()
        }
        return end
    }
}
