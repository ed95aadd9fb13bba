import Testing

@testable import Platform

@Suite struct DictionaryRoomTests {
    @Test func whatWasOnceLargeBecomesSmall() {
        var names = Dictionary(uniqueKeysWithValues: (0..<10_000).map { ($0, "\($0)") })
        var numbers = Set(0..<10_000)
        for number in 10..<10_000 {
            names[number] = nil
            numbers.remove(number)
        }
        #expect(names.capacity >= 10_000 && numbers.capacity >= 10_000)
        names.giveBackRoom()
        numbers.giveBackRoom()
        #expect(names.capacity < 100 && numbers.capacity < 100)
        #expect(names.count == 10 && names[7] == "7" && numbers == Set(0..<10))
        // Room that may be used again stays.
        let capacity = names.capacity
        names.giveBackRoom()
        #expect(names.capacity == capacity)
    }
}
