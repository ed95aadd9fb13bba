import Testing

@testable import JSON

@Suite struct JSONKeyIndexTests {
    /// On both sides of the size from which a set is kept.
    @Test(arguments: [1, 31, 32, 33, 500])
    func aKeyIsTakenOnce(count: Int) {
        var keys = JSONKeyIndex()
        var members: [JSONNode.Member] = []
        for number in 0..<count {
            let isNew = keys.add("key \(number)", to: members)
            #expect(isNew)
            members.append(
                JSONNode.Member(key: "key \(number)", offset: 0, value: JSONNode(.null, offset: 0)))
        }
        for number in [0, count / 2, count - 1] {
            let isNew = keys.add("key \(number)", to: members)
            #expect(!isNew)
        }
    }
}
