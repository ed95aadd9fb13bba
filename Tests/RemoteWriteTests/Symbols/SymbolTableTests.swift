import Testing

@testable import RemoteWrite

@Suite struct SymbolTableTests {
    private func index(_ text: String, _ table: inout SymbolTable) -> UInt32 {
        let bytes = Array(text.utf8)
        return table.index(of: bytes.span)
    }

    @Test func emptyStringIsTheFirst() {
        var table = SymbolTable()
        #expect(index("", &table) == 0)
        #expect(table.bytes == [0x22, 0x00])
        #expect(table.count == 1)
    }

    @Test func eachStringStandsOnceInTheOrderOfItsFirstUse() {
        var table = SymbolTable()
        #expect(["up", "job", "up", "é", "job"].map { index($0, &table) } == [1, 2, 1, 3, 2])
        #expect(
            table.bytes
                == [0x22, 0, 0x22, 2] + Array("up".utf8) + [0x22, 3] + Array("job".utf8) + [0x22, 2]
                + Array("é".utf8))
    }

    /// Compared by bytes: the two are equal to Swift's String.
    @Test func twoEncodingsOfALetterAreTwoStrings() {
        var table = SymbolTable()
        #expect(index("\u{E9}", &table) != index("e\u{301}", &table))
    }

    @Test func tableGrowsAndFindsEverything() {
        var table = SymbolTable()
        let texts = (0..<5_000).map { String(repeating: "x", count: $0 % 300) + "\($0)" }
        let first = texts.map { index($0, &table) }
        #expect(first == Array(1...5_000))
        #expect(texts.map { index($0, &table) } == first)
        table.removeAll()
        #expect(table.bytes == [0x22, 0x00])
        #expect(index(texts[7], &table) == 1)
    }

    @Test(arguments: [0, 1, 2, 700, 3_000]) func whatIsTakenBackLeavesTheRestAsItWas(kept: Int) {
        var table = SymbolTable()
        for number in 0..<kept { _ = index("kept \(number)", &table) }
        let before = table
        for number in 0..<900 { _ = index(String(repeating: "y", count: number), &table) }
        table.removeLast(to: before.count)
        #expect(table.bytes == before.bytes)
        #expect(table.count == before.count)
        for number in 0..<kept { #expect(index("kept \(number)", &table) == UInt32(number + 1)) }
        #expect(table.count == before.count)
    }
}
