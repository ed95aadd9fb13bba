import Testing

@testable import Scrape

@Suite struct LabelOrderTests {
    /// Names as long as the key and longer, one the beginning of another, and with bytes of 0.
    @Test func keysThatDifferAreInTheOrderOfTheirNames() {
        var random = SeededGenerator(seed: printedSeed("keysThatDifferAreInTheOrderOfTheirNames"))
        for _ in 0..<20_000 {
            let names = (0..<2).map { _ in
                (0..<Int.random(in: 0...10, using: &random)).map { _ in
                    UInt8([0, 0x61, 0x62, 0xFF].randomElement(using: &random) ?? 0)
                }
            }
            // At the end of the text, where no eight bytes follow, and in front of others.
            let text = names[0] + [0x7A] + names[1]
            let (left, right) = (0..<names[0].count, names[0].count + 1..<text.count)
            let (leftKey, rightKey) = (LabelOrder.key(text, left), LabelOrder.key(text, right))
            let isBefore = names[0].lexicographicallyPrecedes(names[1])
            if leftKey != rightKey { #expect((leftKey < rightKey) == isBefore, "\(names)") }
            if names[0] == names[1] { #expect(leftKey == rightKey) }
            let order = LabelOrder.compare(text, left, text, right)
            #expect((order < 0) == isBefore)
            #expect((order == 0) == (names[0] == names[1]))
        }
    }
}
