import Logging
import Platform
import Synchronization

/// Writes lines of the log for somebody who must not wait for it: it may be that nobody reads it at the
/// moment. A thread is there only while there are lines to be written. Any thread.
final class LogRelay: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let text: String
        let metadata: Logger.Metadata
    }

    /// Has a function run elsewhere; false when that cannot be now.
    typealias Run = @Sendable (@escaping @Sendable () -> Void) -> Bool

    private struct State {
        var lines: [Line] = []
        /// Lines that are left out, because too many wait.
        var lostCount = 0
        /// Somebody writes, and looks for more lines before it ends.
        var isWriting = false
    }

    /// Lines that wait at most.
    static let mostLines = 64

    private let logger: Logger
    private let run: Run
    private let state = Mutex(State())

    init(_ logger: Logger, run: @escaping Run = onThread) {
        self.logger = logger
        self.run = run
    }

    /// Has these lines written, in their order, and those that wait from before. Returns at once.
    func write(_ lines: [Line]) {
        let begins = state.withLock { state in
            let room = max(0, Self.mostLines - state.lines.count)
            state.lines += lines.prefix(room)
            state.lostCount += max(0, lines.count - room)
            guard !state.isWriting, !state.lines.isEmpty else { return false }
            state.isWriting = true
            return true
        }
        guard begins, !run({ [self] in writeAll() }) else { return }
        // With the next call it is tried again.
        state.withLock { $0.isWriting = false }
    }

    private func writeAll() {
        while let (lines, lostCount) = take() {
            for line in lines { logger.log(level: line.level, "\(line.text)", metadata: line.metadata) }
            guard lostCount > 0 else { continue }
            logger.warning(
                "lines about the ceiling on memory are left out: nobody has read the log",
                metadata: ["lines": .stringConvertible(lostCount)])
        }
    }

    private func take() -> (lines: [Line], lostCount: Int)? {
        state.withLock { state in
            guard !state.lines.isEmpty else {
                state.isWriting = false
                return nil
            }
            defer { (state.lines, state.lostCount) = ([], 0) }
            return (state.lines, state.lostCount)
        }
    }

    /// A thread that ends with the function.
    static let onThread: Run = { body in
        do {
            try SystemThread.start(name: "memory-log", body)
            return true
        } catch {
            // The process may have no more threads now: a later look tries again.
            return false
        }
    }
}
