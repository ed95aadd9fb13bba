internal import JSON
import Logging
import Platform

#if canImport(Glibc)
import Glibc
#endif

/// One logger's handler. Keys and order follow Prometheus: time, level, source, msg, then the metadata by
/// name.
struct LineLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    let format: LogFormat
    let clock: any AgentClock
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, level: Logger.Level, format: LogFormat, clock: any AgentClock) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.clock = clock
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = Array(line(of: event).utf8)
        // Safety: the pointer is used only inside the closure. A log line that cannot be written has nowhere
        // to be reported, so the result is not looked at.
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// The finished line of an event; an error it carries becomes the field `err`, as in Prometheus' lines.
    func line(of event: LogEvent) -> String {
        var metadata = event.metadata ?? [:]
        if let error = event.error { metadata["err"] = "\(error)" }
        return line(level: event.level, message: event.message.description, metadata: metadata)
    }

    /// The finished line, newline included.
    func line(level: Logger.Level, message: String, metadata extra: Logger.Metadata?) -> String {
        let merged = metadata.merging(extra ?? [:]) { _, new in new }
        var fields: [(key: String, value: Logger.MetadataValue)] = [
            ("time", .string(Timestamp.text(ms: clock.wallMs))), ("level", .string(name(of: level))),
            ("source", .string(label)), ("msg", .string(message)),
        ]
        fields += merged.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        switch format {
        case .logfmt:
            let pairs = fields.map { "\(logfmtKey($0.key))=\(logfmtValue("\($0.value)"))" }
            return pairs.joined(separator: " ") + "\n"
        case .json: return JSONValue.object(fields.map { .init($0.key, json($0.value)) }).text() + "\n"
        }
    }

    /// What is logged as a number is one in JSON. A text of digits stays a text: it may be a name.
    private func json(_ value: Logger.MetadataValue) -> JSONValue {
        if case .stringConvertible(let number) = value {
            if let number = number as? Double { return .double(number) }
            if number is any BinaryInteger, let number = JSONNumber(text: "\(number)") {
                return .number(number)
            }
        }
        return .string("\(value)")
    }

    private func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARN"
        case .error, .critical: "ERROR"
        }
    }

    /// A key cannot be quoted: what would end it is replaced.
    private func logfmtKey(_ text: String) -> String {
        let kept = text.unicodeScalars.map { scalar -> Character in
            let plain = scalar.value > 0x20 && scalar.value < 0x7F && scalar != "\"" && scalar != "="
            return plain ? Character(scalar) : "_"
        }
        return kept.isEmpty ? "_" : String(kept)
    }

    private func logfmtValue(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 < 0x7F }
        return plain && !text.isEmpty ? text : JSONText.quoted(text)
    }
}
