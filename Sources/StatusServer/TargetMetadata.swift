internal import JSON
internal import Platform

/// What `/api/v1/targets/metadata` is asked, as Prometheus takes it.
public struct TargetMetadataQuery: Sendable, Equatable {
    /// Answers hold no more, whatever is asked: each entry is made for the answer.
    static let mostEntries = 10_000
    static let mostBytes = 4 << 20

    /// `{label="value",…}`; empty for all targets.
    public var matchTarget = ""
    /// A family; empty for all.
    public var metric = ""
    public var limit = Self.mostEntries

    /// `query` is percent-encoded.
    init(_ query: String) throws(StatusQueryError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? FormText.decoded(parts[1]) : ""
            switch parts[0] {
            case "match_target": matchTarget = value
            case "metric": metric = value
            case "limit":
                guard let number = Int(value) else {
                    throw StatusQueryError(message: "limit must be a number")
                }
                limit = number < 0 ? Self.mostEntries : min(number, Self.mostEntries)
            default: break
            }
        }
    }
}

/// What is wrong with a query, to be told to whoever asks.
public struct StatusQueryError: Error, Sendable {
    public let message: String

    public init(message: String) { self.message = message }
}

/// What one target says about one of its metric families.
public struct TargetMetadata: Sendable {
    public var labels: [(name: String, value: String)]
    public var family: String
    public var type: String
    public var help: String
    public var unit: String

    public init(
        labels: [(name: String, value: String)], family: String, type: String, help: String, unit: String
    ) {
        self.labels = labels
        self.family = family
        self.type = type
        self.help = help
        self.unit = unit
    }
}

/// The answer in Prometheus' shape, entry by entry.
struct TargetMetadataAnswer {
    private let query: TargetMetadataQuery
    /// Written one by one, as JSON with commas between: an answer may have megabytes.
    private var entries = ""
    private var count = 0
    private var isCut = false

    init(_ query: TargetMetadataQuery) { self.query = query }

    /// False when no more are taken.
    mutating func add(_ entry: TargetMetadata) -> Bool {
        guard count < query.limit, entries.utf8.count < TargetMetadataQuery.mostBytes else {
            isCut = count < query.limit || query.limit == TargetMetadataQuery.mostEntries
            return false
        }
        if count > 0 { entries += "," }
        JSONValue.object([
            "target": .object(entry.labels.map { .init($0.name, .string($0.value)) }),
            // As in Prometheus: whoever names the family knows it.
            "metric": query.metric.isEmpty ? .string(entry.family) : nil,
            "type": .string(entry.type), "help": .string(entry.help), "unit": .string(entry.unit),
        ]).write(to: &entries)
        count += 1
        return true
    }

    var text: String {
        let warnings = JSONValue.strings(["there are more; narrow the query by match_target or metric"])
        return #"{"status":"success","data":["# + entries + "]"
            + (isCut ? #","warnings":"# + warnings.text() : "") + "}"
    }

    static func error(_ error: StatusQueryError) -> String {
        JSONValue.object([
            "status": "error", "errorType": "bad_data", "error": .string(error.message),
        ]).text()
    }
}

/// Values of queries (WHATWG URL, application/x-www-form-urlencoded).
enum FormText {
    /// What is not encoded as it should be stays as it is.
    static func decoded(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = HexDigit.value(bytes[index + 1]), let low = HexDigit.value(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
