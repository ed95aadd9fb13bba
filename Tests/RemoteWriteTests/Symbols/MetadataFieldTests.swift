import Testing

@testable import RemoteWrite

@Suite struct MetadataFieldTests {
    private func bytes(_ field: MetadataField) -> [UInt8] { (0..<field.length).map { field.bytes[$0] } }

    @Test func emptyOnesAreLeftOut() {
        #expect(bytes(MetadataField()) == [])
        #expect(bytes(MetadataField(kind: 0, help: 0, unit: 0)) == [])
    }

    @Test func fieldsAreWrittenInTheirOrder() {
        #expect(bytes(MetadataField(kind: 1, help: 5, unit: 0)) == [0x2A, 4, 0x08, 1, 0x18, 5])
        #expect(bytes(MetadataField(kind: 0, help: 0, unit: 300)) == [0x2A, 3, 0x20, 0xAC, 0x02])
    }

    @Test func longestFitsSixteenBytes() {
        let field = MetadataField(kind: 7, help: .max, unit: .max)
        #expect(
            bytes(field)
                == [0x2A, 14, 0x08, 7, 0x18, 255, 255, 255, 255, 15, 0x20, 255, 255, 255, 255, 15])
    }
}
