import Platform
import Testing

@Suite struct FNV1aTests {
    /// From the algorithm's own test vectors.
    @Test(arguments: [
        ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8"),
    ])
    func hashesAreThoseOfTheTestVectors(text: String, hexadecimal: String) {
        #expect(FNV1a(text).hexadecimal == hexadecimal)
        #expect(FNV1a(text).value == UInt64(hexadecimal, radix: 16))
    }

    @Test func piecesHashAsTheirSum() {
        var hash = FNV1a()
        hash.mix("foo")
        hash.mix(UInt8(ascii: "b"))
        hash.mix("ar")
        #expect(hash.value == FNV1a("foobar").value)
    }
}
