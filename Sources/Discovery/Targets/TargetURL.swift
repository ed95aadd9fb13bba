/// The URL of a scrape, escaped as Go's net/url does, so that a target is asked for the same thing as by
/// Prometheus.
enum TargetURL {
    static func text(
        scheme: String, address: String, path: String, parameters: [(name: String, values: [String])]
    ) -> String {
        var result = "\(scheme)://\(address)"
        if !path.isEmpty, !path.hasPrefix("/") { result += "/" }
        result += escaped(path, keeping: "$&+,/:;=@")
        // Go's Encode sorts by name and keeps the order of the values.
        let query = parameters.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            .flatMap { parameter in
                parameter.values.map { "\(queryEscaped(parameter.name))=\(queryEscaped($0))" }
            }
            .joined(separator: "&")
        return query.isEmpty ? result : result + "?" + query
    }

    private static func queryEscaped(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { escaped(String($0), keeping: "") }
            .joined(separator: "+")
    }

    private static func escaped(_ text: String, keeping kept: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
            case _ where kept.utf8.contains(byte): bytes.append(byte)
            default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
