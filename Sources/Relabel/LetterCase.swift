/// Upper and lower case as Go's strings.ToUpper and ToLower have them: letter by letter, never one letter for
/// several (`ß` has no upper case here).
enum LetterCase {
    static func lower(_ text: [UInt8]) -> [UInt8] {
        if text.allSatisfy({ $0 < 0x80 }) {
            return text.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        }
        return mapped(text) { scalar in
            // U+0130 is the one letter whose full lower case is two.
            scalar.value == 0x130 ? "i" : single(scalar.properties.lowercaseMapping) ?? scalar
        }
    }

    static func upper(_ text: [UInt8]) -> [UInt8] {
        if text.allSatisfy({ $0 < 0x80 }) {
            return text.map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 }
        }
        return mapped(text) { scalar in
            // Where the full upper case is several letters, the title case is the one that UnicodeData gives.
            single(scalar.properties.uppercaseMapping) ?? single(scalar.properties.titlecaseMapping) ?? scalar
        }
    }

    private static func mapped(
        _ text: [UInt8], _ map: (Unicode.Scalar) -> Unicode.Scalar
    ) -> [UInt8] {
        var result = String.UnicodeScalarView()
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars { result.append(map(scalar)) }
        return Array(String(result).utf8)
    }

    private static func single(_ mapping: String) -> Unicode.Scalar? {
        mapping.unicodeScalars.count == 1 ? mapping.unicodeScalars.first : nil
    }
}
