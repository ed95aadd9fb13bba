/// One value of a header field that ranks what a client takes, such as Accept (RFC 9110 §12.4.2).
public struct WeightedValue: Sendable, Equatable {
    /// In lower case, without parameters.
    public let name: String
    /// Names in lower case; `q` is not among them.
    public let parameters: [String: String]
    /// From 0, which means "not this", to 1.
    public let weight: Double

    /// The values of a field, best first, and those of equal weight in the client's order.
    static func list(_ fields: [String]) -> [WeightedValue] {
        let values = fields.flatMap { $0.split(separator: ",") }.map { WeightedValue($0) }
        return values.enumerated().sorted {
            ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset)
        }.map(\.element)
    }

    private init(_ text: Substring) {
        var words = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        name = words.removeFirst().lowercased()
        var parameters: [String: String] = [:]
        for word in words {
            let pair = word.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            guard pair.count == 2 else { continue }
            parameters[pair[0].lowercased()] = pair[1].filter { $0 != "\"" }
        }
        let stated = parameters.removeValue(forKey: "q").map { Double($0) ?? 0 } ?? 1
        weight = stated >= 0 ? min(stated, 1) : 0
        self.parameters = parameters
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
        var scalars = Substring(text).unicodeScalars.drop(while: isSpace)
        while let last = scalars.last, isSpace(last) { scalars.removeLast() }
        return String(scalars)
    }
}

extension ServerHeaders {
    /// What a field such as Accept ranks, best first.
    public func weighted(_ name: String) -> [WeightedValue] { WeightedValue.list(all(name)) }
}
