public import Logging
import Synchronization

/// Keeps what is logged: level, message and metadata in the order of their keys.
public final class LogLines: Sendable {
    private struct Handler: LogHandler {
        let kept: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            let line = ["\(event.level)", "\(event.message)"] + all.map { "\($0.key)=\($0.value)" }
            kept.text.withLock { $0.append(line.joined(separator: " ")) }
        }
    }

    private let text = Mutex<[String]>([])

    public init() {}

    public var lines: [String] { text.withLock { $0 } }
    /// The lines with this text in them.
    public func all(_ part: String) -> [String] { lines.filter { $0.contains(part) } }

    public var logger: Logger { Logger(label: "test") { _ in Handler(kept: self) } }
}
