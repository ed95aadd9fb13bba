internal import Logging
internal import Platform
import Synchronization

/// Says what goes on going wrong: each sentence at once, and then once a minute with how often it happened.
final class PacedLog: Sendable {
    private struct Said {
        var atNs: UInt64
        /// Times since then.
        var unsaid = 0
    }

    static let intervalNs: UInt64 = 60_000_000_000

    /// What else the disk refuses is not said: it has been said that it takes nothing.
    let isHushed = Atomic(false)
    private let logger: Logger
    private let clock: any AgentClock
    /// By sentence: those of the buffer's own code, so they are few.
    private let said = Mutex<[String: Said]>([:])

    init(_ logger: Logger, clock: any AgentClock) {
        self.logger = logger
        self.clock = clock
    }

    /// `isOfDisk`: the disk has refused something.
    func error(_ sentence: String, _ metadata: Logger.Metadata, isOfDisk: Bool = false) {
        if isOfDisk, isHushed.load(ordering: .relaxed) { return }
        let nowNs = clock.monotonicNs
        let times = said.withLock { said -> Int? in
            if let last = said[sentence], nowNs < last.atNs + Self.intervalNs {
                said[sentence]?.unsaid += 1
                return nil
            }
            defer { said[sentence] = Said(atNs: nowNs) }
            return (said[sentence]?.unsaid ?? 0) + 1
        }
        guard let times else { return }
        logger.error(
            "\(sentence)", metadata: metadata.merging(["times": "\(times)"], uniquingKeysWith: { $1 }))
    }
}
