internal import Logging
internal import Relabel
import Synchronization
internal import Telemetry

/// Tells of names that were escaped for a destination, each once: in the log and by a count.
final class EscapedNames: Sendable {
    /// Beyond this many nothing more is told: names that a target makes up must not fill the log.
    static let most = 1_000

    private static let nameLabel = Array("__name__".utf8)

    private let known = Mutex<Set<String>>([])
    private let count: Counter
    private let logger: Logger

    init(count: Counter, logger: Logger) {
        self.count = count
        self.logger = logger
    }

    /// The metric's name.
    func name(of scratch: LabelScratch) -> String {
        let place = scratch.value(of: Self.nameLabel) ?? 0..<0
        return String(decoding: scratch.text[place], as: UTF8.self)
    }

    /// A metric is sent under another name, or with labels of other names.
    func escaped(_ name: String) {
        guard isNew(name) else { return }
        count.add()
        logger.info(
            "the receiver knows no UTF-8 names; series of a metric are sent under escaped names",
            metadata: ["metric": "\(name)"])
    }

    /// A series is not sent, as another one has the name that it would be sent under.
    func collided(_ series: String) {
        guard isNew("\(series) collided") else { return }
        logger.warning(
            """
            a series is not sent: with its names escaped for the receiver it would be another series; \
            rename it with write_relabel_configs
            """, metadata: ["series": "\(series)"])
    }

    private func isNew(_ text: String) -> Bool {
        known.withLock { $0.count < Self.most && $0.insert(text).inserted }
    }
}
