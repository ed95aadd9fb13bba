import Logging
import Synchronization

/// A logger that keeps what was said: level, message and metadata in the order of their keys.
final class SaidLines: Sendable {
    private struct Handler: LogHandler {
        let said: SaidLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            let line = ["\(event.level)", "\(event.message)"] + all.map { "\($0.key)=\($0.value)" }
            said.lines.withLock { $0.append(line.joined(separator: " ")) }
        }
    }

    private let lines = Mutex<[String]>([])

    func all(_ part: String) -> [String] { lines.withLock { $0.filter { $0.contains(part) } } }

    var logger: Logger { Logger(label: "test") { _ in Handler(said: self) } }
}
