import Platform
import Testing

@testable import StandIns

struct SeriesTableTests {
    @Test func itHoldsWhatADictionaryHolds() {
        var random = SplitMix64(seed: 3)
        var table = SeriesTable()
        var reference: [UInt64: Int] = [:]
        for number in 0..<20_000 {
            // Many keys twice, many that differ in their high bits alone, and 0.
            let key = number % 3 == 0 ? random.next() % 5_000 : random.next() << 52
            table.set(key, to: number)
            reference[key] = number
        }
        #expect(table.count == reference.count)
        #expect(reference.allSatisfy { table[$0.key] == $0.value })
        #expect(
            (0..<1_000).allSatisfy { _ in
                let key = random.next()
                return table[key] == reference[key]
            })
    }
}
