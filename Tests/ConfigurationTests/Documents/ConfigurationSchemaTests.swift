import FoundationEssentials
import Testing

@testable import Configuration

@Suite struct ConfigurationSchemaTests {
    private func committed() throws -> String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let index = try #require(parts.lastIndex(of: "Tests"))
        return try String(
            contentsOfFile: parts[..<index].joined(separator: "/") + "/config/narthex.schema.json",
            encoding: .utf8)
    }

    @Test func theFileIsThatOfTheCode() throws {
        #expect(try committed() == ConfigurationSchema.text, "narthex check-config --schema writes it")
    }

    @Test func everyBlockIsDefinedOnceAndReferencesLead() {
        let text = ConfigurationSchema.text
        for table in Schema.all where !table.name.contains(" ") {
            for key in table.allKeys {
                #expect(text.contains("\"\(key.name)\": {"), "\(table.name).\(key.name)")
                guard let inner = Schema.table(of: key) else { continue }
                #expect(text.contains("\"$ref\": \"#/definitions/\(inner.name)\""), "\(key.name)")
            }
        }
    }
}
