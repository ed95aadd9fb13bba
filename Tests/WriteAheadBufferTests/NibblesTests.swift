import Testing

@testable import WriteAheadBuffer

struct NibblesTests {
    private func written(_ numbers: [(UInt64, Int)]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: numbers.count * 8 + 16)
        // Safety: a number takes less than eight bytes, so eight are there behind each.
        let count = unsafe bytes.withUnsafeMutableBytes { room in
            guard let start = room.baseAddress else { return 0 }
            var output = unsafe NibbleOutput(start)
            for (number, nibbles) in numbers { output.put(number, nibbles) }
            return unsafe output.finished - start
        }
        return Array(bytes[..<count])
    }

    private func read(_ bytes: [UInt8], _ lengths: [Int]) -> (numbers: [UInt64], end: Int?) {
        // Safety: the pointer is used inside the closure, with the count of what is there.
        unsafe bytes.withUnsafeBytes { room in
            guard let start = room.baseAddress else { return ([], lengths.isEmpty ? 0 : nil) }
            var input = unsafe NibbleInput(start, from: 0, limit: room.count)
            let numbers = lengths.map { input.take($0) }
            return (numbers, input.end)
        }
    }

    @Test func theFirstNibbleIsTheLowHalf() {
        #expect(written([(1, 1), (0xABC, 3), (0xF, 1)]) == [0xC1, 0xAB, 0x0F])
        #expect(written([]) == [])
        #expect(written([(0, 0), (7, 1)]) == [0x07])
    }

    @Test(arguments: 1...30)
    func whatIsPutIsTaken(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let numbers = (0..<1 + generator.below(60)).map { _ -> (UInt64, Int) in
            let nibbles = generator.below(16)
            return (generator.next() & (1 << UInt64(4 * nibbles) - 1), nibbles)
        }
        let bytes = written(numbers)
        let total = numbers.reduce(0) { $0 + $1.1 }
        #expect(bytes.count == (total + 1) / 2, "seed \(seed)")
        if total % 2 == 1 { #expect((bytes.last ?? 0) >> 4 == 0) }
        guard !bytes.isEmpty else { return }
        let back = read(bytes, numbers.map(\.1))
        #expect(back.numbers == numbers.map(\.0), "seed \(seed)")
        #expect(back.end == bytes.count)
    }

    @Test func behindTheEndAreZerosAndNoEnd() {
        let back = read([0x21], [1, 1, 15, 15])
        #expect(back.numbers == [1, 2, 0, 0])
        #expect(back.end == nil)
    }
}
