import JSON
import Testing

@Suite struct JSONPlaceTests {
    @Test(arguments: [(0, "1:1"), (2, "1:3"), (3, "2:1"), (4, "2:2"), (6, "2:3"), (99, "2:4")])
    func placesCountLinesAndCharacters(offset: Int, place: String) {
        #expect(JSONPlace(offset: offset, in: Array("ab\nxéy".utf8)).description == place)
    }
}
