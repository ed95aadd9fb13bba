internal import Logging
internal import Platform
internal import Relabel
import Synchronization
internal import Telemetry

/// Counts the metrics whose names were escaped for a destination, and logs them and the series that are not
/// sent because of it. Each of the first thousand has a line of its own.
final class EscapedNames: Sendable {
    private struct State {
        /// Hashes of metrics and of series: what targets make up is not kept itself.
        var metrics: Set<Int> = []
        var series: Set<Int> = []
        /// Series that were refused since the last line, beyond those that have one of their own.
        var unsaid = 0
        var saidNs: UInt64?
    }

    /// So many metrics and series have a line each: names that a target makes up must not fill the log.
    static let most = 1_000
    /// So many are told apart, 16 bytes each.
    static let mostKnown = 100_000
    /// Series beyond those are told of together once in so long.
    private static let sayNs: UInt64 = 60_000_000_000
    /// Characters of a name or series in a line.
    private static let shown = 512

    private static let nameLabel = Array("__name__".utf8)

    private let state = Mutex(State())
    private let count: Counter
    private let logger: Logger
    private let clock: any AgentClock

    init(count: Counter, logger: Logger, clock: any AgentClock) {
        self.count = count
        self.logger = logger
        self.clock = clock
    }

    /// The metric's name.
    func name(of scratch: LabelScratch) -> String {
        let place = scratch.value(of: Self.nameLabel) ?? 0..<0
        return String(decoding: scratch.text[place], as: UTF8.self)
    }

    /// A metric is sent under another name, or with labels of other names.
    func escaped(_ name: String) {
        let hash = name.hashValue
        let number = state.withLock { state -> Int? in
            guard state.metrics.count < Self.mostKnown, state.metrics.insert(hash).inserted else {
                return nil
            }
            return state.metrics.count
        }
        guard let number else { return }
        count.add()
        guard number <= Self.most else { return }
        logger.info(
            "the receiver knows no UTF-8 names; series of a metric are sent under escaped names",
            metadata: ["metric": "\(Self.printable(name))"])
        if number == Self.most {
            logger.info("more metrics with escaped names are counted, and not named here any more")
        }
    }

    /// A series is not sent, as another one has the name that it would be sent under.
    func collided(_ series: String) {
        let hash = series.hashValue
        let nowNs = clock.monotonicNs
        let unsaid = state.withLock { state -> Int? in
            let isKnown = state.series.contains(hash)
            if !isKnown, state.series.count < Self.most {
                state.series.insert(hash)
                return 0
            }
            if !isKnown { state.unsaid += 1 }
            guard state.unsaid > 0, state.saidNs.map({ nowNs >= $0 + Self.sayNs }) ?? true else { return nil }
            state.saidNs = nowNs
            defer { state.unsaid = 0 }
            return state.unsaid
        }
        guard let unsaid else { return }
        var metadata: Logger.Metadata = ["series": "\(Self.printable(series))"]
        if unsaid > 0 { metadata["times"] = .stringConvertible(unsaid) }
        logger.warning(
            """
            a series is not sent: with its names escaped for the receiver it would be another series; \
            rename it with write_relabel_configs
            """, metadata: metadata)
    }

    private static func printable(_ text: String) -> String {
        text.unicodeScalars.prefix(shown).map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }
            .joined()
    }
}
