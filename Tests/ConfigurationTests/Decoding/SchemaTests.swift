import FoundationEssentials
import Testing

@testable import Configuration

/// docs/configuration.md and the key tables say the same, both ways.
@Suite struct SchemaTests {
    /// The rows of the page's tables by heading: `## name` above `| `key` | type | default | meaning |`.
    private func rows() throws -> [String: [(key: String, type: String, defaultText: String)]] {
        let root = #filePath.components(upTo: "Tests")
        let page = try String(contentsOfFile: root + "docs/configuration.md", encoding: .utf8)
        var result: [String: [(String, String, String)]] = [:]
        var heading = ""
        for line in page.split(separator: "\n") {
            if line.hasPrefix("## ") { heading = line.dropFirst(3).filter { $0 != "`" } }
            guard line.hasPrefix("| `") else { continue }
            let cells = line.split(separator: "|").map { $0.trimmed() }
            try #require(cells.count == 4, "a row has four cells: \(line)")
            result[heading, default: []].append(
                (cells[0].filter { $0 != "`" }, cells[1], cells[2].filter { $0 != "`" }))
        }
        return result
    }

    @Test func thePageListsEveryKeyWithTypeAndDefault() throws {
        let rows = try rows()
        #expect(Set(rows.keys) == Set(Schema.all.map(\.name)))
        for table in Schema.all {
            let written = (rows[table.name] ?? []).map { "\($0.key) | \($0.type) | \($0.defaultText)" }
            #expect(
                written == table.keys.map { "\($0.name) | \($0.type) | \($0.defaultText)" }, "\(table.name)")
        }
    }

    @Test func noKeyIsBothDecodedAndRefused() {
        for table in Schema.all {
            let names = table.keys.map(\.name) + table.refused.map(\.name)
            #expect(Set(names).count == names.count, "\(table.name)")
        }
    }

    @Test func theExamplesLoadWithoutWarnings() throws {
        let root = #filePath.components(upTo: "Tests")
        for name in ["fargate-to-amp.yml", "static-and-files.yml"] {
            let text = try String(contentsOfFile: root + "config/\(name)", encoding: .utf8)
            let configuration = try Configuration.load(
                text: Array(text.utf8), file: "config/\(name)", environment: ["HOSTNAME": "h"])
            #expect(configuration.warnings.isEmpty)
            #expect(!configuration.scrapeConfigs.isEmpty && !configuration.remoteWrites.isEmpty)
        }
    }
}

extension String {
    fileprivate func components(upTo folder: String) -> String {
        let parts = split(separator: "/", omittingEmptySubsequences: false)
        guard let index = parts.lastIndex(of: Substring(folder)) else { return self }
        return parts[..<index].joined(separator: "/") + "/"
    }
}

extension Substring {
    fileprivate func trimmed() -> String {
        let kept = drop { $0 == " " }
        return String(kept.reversed().drop { $0 == " " }.reversed())
    }
}
