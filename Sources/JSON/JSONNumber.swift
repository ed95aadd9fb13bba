/// A number as JSON writes it (RFC 8259 §6).
public struct JSONNumber: Sendable, Equatable {
    public let text: String

    public init(_ value: some FixedWidthInteger) { text = String(value) }

    /// The shortest text that reads back to the same value; without a point where there is no fraction. Nil
    /// for NaN and infinity, which JSON does not have.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        let text = "\(value)"
        self.text = text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// A number that is text already, with all its digits. Nil for what is not a number in JSON.
    public init?(text: String) {
        // Whatever is wrong with the text, it is not a number.
        guard case .number(text) = (try? JSONReader.read(Array(text.utf8)))?.content else { return nil }
        self.text = text
    }
}
