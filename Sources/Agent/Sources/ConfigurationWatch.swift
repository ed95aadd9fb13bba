import Logging
import Platform

/// Looks again and again whether a source has changed.
struct ConfigurationWatch: Sendable {
    /// The part of an interval that is left to chance, so that a fleet does not ask at the same moment.
    private static let jitter = 0.2
    /// How often a fault that lasts is logged.
    private static let repeatMs: UInt64 = 300_000

    let reader: ConfigurationReader
    let clock: any AgentClock
    let logger: Logger
    var random: @Sendable () -> Double = { Double.random(in: 0..<1) }

    /// Hands each new text to `take`, until the task is cancelled. `version` is the one in use; nil for one
    /// that was kept, after which the first text is new. A text that `take` refuses is not handed on again
    /// until it changes.
    func run(from version: ConfigurationVersion?, _ take: (ReadConfiguration) async -> Void) async {
        guard let intervalMs = reader.watchMs else { return }
        var known = version ?? ConfigurationVersion(parts: [])
        var lastFault: (message: String, loggedNs: UInt64)?
        while !Task.isCancelled {
            do { try await clock.sleep(forMs: Self.waitMs(intervalMs, random())) } catch { return }
            do throws(AgentError) {
                if let found = try await reader.read(unless: known) {
                    known = found.version
                    await take(found)
                }
                lastFault = nil
            } catch {
                if Task.isCancelled { return }
                let nowNs = clock.monotonicNs
                let isDue =
                    lastFault.map {
                        $0.message != error.message || nowNs - $0.loggedNs >= Self.repeatMs * 1_000_000
                    } ?? true
                guard isDue else { continue }
                lastFault = (error.message, nowNs)
                logger.warning(
                    "whether the configuration has changed is not known: its source cannot be read",
                    metadata: ["err": "\(error.message)"])
            }
        }
    }

    /// The wait before a look: the interval, more or less a tenth. `chance` is from 0 to 1.
    static func waitMs(_ intervalMs: Int64, _ chance: Double) -> Int64 {
        Int64(Double(intervalMs) * (1 + jitter * (chance - 0.5)))
    }
}
