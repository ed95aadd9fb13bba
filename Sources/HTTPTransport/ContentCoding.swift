/// How a response's body is coded (RFC 9110 §8.4). Only gzip is decoded, as in Prometheus.
enum ContentCoding: Equatable {
    case identity
    case gzip
    /// Another, or several, as an error may show it.
    case other(String)

    /// Of names in a message.
    private static let shownBytes = 64

    init(_ headers: HTTPHeaders) {
        let values = headers.all.filter { $0.isNamed("Content-Encoding") }
        let names = values.flatMap { $0.value.split(separator: ",") }
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            .filter { !$0.isEmpty && $0 != "identity" }
        switch names {
        case []: self = .identity
        // RFC 9110 §8.4.1.3: the same under an old name.
        case ["gzip"], ["x-gzip"]: self = .gzip
        default:
            let shown = names.joined(separator: ", ").utf8.prefix(Self.shownBytes)
            let printable = shown.map { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 ? $0 : UInt8(ascii: "?") }
            self = .other(String(decoding: printable, as: UTF8.self))
        }
    }
}
