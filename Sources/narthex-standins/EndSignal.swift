import Dispatch
import Platform

#if canImport(Glibc)
import Glibc
#endif

/// Waits for what ends the command: SIGTERM, SIGINT, or the end of standard input.
final class EndSignal {
    private let ended: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init(watchesStandardInput: Bool) {
        let (stream, end) = AsyncStream<Void>.makeStream()
        ended = stream
        sources = [SIGTERM, SIGINT].map { number in
            // Ignored by the process, so that only the source sees it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { end.yield() }
            source.resume()
            return source
        }
        guard watchesStandardInput else { return }
        SystemThread.start(name: "stdin") {
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
