import Platform

#if canImport(Glibc)
import Glibc
#endif

/// Waits for what ends the command: SIGTERM, SIGINT, or the end of standard input.
struct EndSignal {
    private let ended: AsyncStream<Void>

    init(watchesStandardInput: Bool) {
        let (stream, end) = AsyncStream<Void>.makeStream()
        ended = stream
        Signals.handle { signal in
            if signal != .hangUp { end.yield() }
        }
        guard watchesStandardInput else { return }
        SystemThread.startOrExit(name: "stdin") {
            var byte: UInt8 = 0
            // Safety: one byte is read into one byte.
            while unsafe read(STDIN_FILENO, &byte, 1) > 0 {}
            end.yield()
        }
    }

    func wait() async {
        for await _ in ended { return }
    }
}
