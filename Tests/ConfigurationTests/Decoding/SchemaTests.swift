import FoundationEssentials
import Testing

@testable import Configuration

/// docs/configuration.md and the key tables say the same, both ways.
@Suite struct SchemaTests {
    /// The headings of the page's tables that are not a block's.
    private static let verdicts = [
        "What has no effect", "What is refused", "Every key of Prometheus 3.14", "Where verdicts differ",
    ]

    /// The page's lines by heading, without the quotes of code in the heading.
    private func sections() throws -> [String: [Substring]] {
        let root = #filePath.components(upTo: "Tests")
        let page = try String(contentsOfFile: root + "docs/configuration.md", encoding: .utf8)
        var result: [String: [Substring]] = [:]
        var heading = ""
        for line in page.split(separator: "\n") {
            if line.hasPrefix("## ") { heading = line.dropFirst(3).filter { $0 != "`" } }
            result[heading, default: []].append(line)
        }
        return result
    }

    /// The rows of the blocks' tables: `## name` above `| `key` | type | default | meaning |`.
    private func rows() throws -> [String: [(key: String, type: String, defaultText: String)]] {
        var result: [String: [(String, String, String)]] = [:]
        for (heading, lines) in try sections() where !Self.verdicts.contains(heading) {
            for line in lines where line.hasPrefix("| `") {
                let cells = line.split(separator: "|").map { $0.trimmed() }
                try #require(cells.count == 4, "a row has four cells: \(line)")
                result[heading, default: []].append(
                    (cells[0].filter { $0 != "`" }, cells[1], cells[2].filter { $0 != "`" }))
            }
        }
        return result
    }

    /// The rows of a table of verdicts as they stand on the page.
    private func verdicts(_ heading: String) throws -> [String] {
        try (sections()[heading] ?? []).filter { $0.hasPrefix("| `") }.map(String.init)
    }

    /// Keys of which the same is said, in a cell.
    private func grouped(_ pairs: [(key: String, text: String)]) -> [(keys: String, text: String)] {
        var texts: [String] = []
        var keys: [String: [String]] = [:]
        for (key, text) in pairs {
            if keys[text] == nil { texts.append(text) }
            keys[text, default: []].append("`\(key)`")
        }
        return texts.map { (keys[$0, default: []].joined(separator: ", "), $0) }
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

    @Test func thePageTellsWhatHasNoEffect() throws {
        let all = Schema.all.flatMap { table in
            table.ignored.map { entry in
                let loud = entry.severity == .missed ? "a line of its own" : "with others"
                return (key: table.path(of: entry.name), text: "\(loud) | \(entry.sentence)")
            }
        }
        let expected = grouped(all).map { "| \($0.keys) | \($0.text) |" }
        let found = try verdicts("What has no effect")
        #expect(found == expected, "the page should have:\n\(expected.joined(separator: "\n"))")
    }

    @Test func thePageTellsWhatIsRefused() throws {
        let all = Schema.all.flatMap { table in
            table.refused.map { (key: table.path(of: $0.name), text: $0.reason) }
        }
        let expected = grouped(all).map { "| \($0.keys) | \($0.text) |" }
        let found = try verdicts("What is refused")
        #expect(found == expected, "the page should have:\n\(expected.joined(separator: "\n"))")
    }

    /// Nothing that Prometheus knows is unknown, and the page has it all.
    @Test func everyKeyOfPrometheusHasItsVerdict() throws {
        var expected: [String] = []
        for (block, keys) in PrometheusKeys.blocks {
            let table = try #require(Schema.all.first { $0.name == block }, "\(block)")
            var cells: [[String]] = [[], [], []]
            for key in keys {
                if table.ignored.contains(where: { $0.name == key }) {
                    cells[1].append("`\(key)`")
                } else if table.refused.contains(where: { $0.name == key }) {
                    cells[2].append("`\(key)`")
                } else {
                    #expect(table.has(key), "\(block) has no \(key)")
                    cells[0].append("`\(key)`")
                }
            }
            let name = Schema.top.name == block || block.contains(" ") ? block : "`\(block)`"
            expected.append(
                "| \(name) | " + cells.map { $0.joined(separator: ", ") }.joined(separator: " | ") + " |")
        }
        let ignored = Schema.all.flatMap { table in table.ignored.map { table.path(of: $0.name) } }
        let refused = Schema.all.flatMap { table in table.refused.map { table.path(of: $0.name) } }
        for (block, owner, keys) in PrometheusKeys.within {
            #expect(ignored.contains(owner) != refused.contains(owner), "\(owner)")
            let names = keys.map { "`\($0)`" }.joined(separator: ", ")
            expected.append(
                "| `\(block)` | | " + (ignored.contains(owner) ? "\(names) | |" : "| \(names) |"))
        }
        expected = expected.map { $0.replacing("|  |", with: "| |").replacing("|  |", with: "| |") }
        let found = try (sections()["Every key of Prometheus 3.14"] ?? [])
            .filter { $0.hasPrefix("| ") && !$0.hasPrefix("| block") }.map(String.init)
        #expect(found == expected, "the page should have:\n\(expected.joined(separator: "\n"))")
    }

    @Test func noKeyIsBothDecodedAndRefused() {
        for table in Schema.all {
            let names = table.keys.map(\.name) + table.refused.map(\.name)
            #expect(Set(names).count == names.count, "\(table.name)")
            let others = table.refused.map(\.name) + table.ignored.map(\.name)
            #expect(Set(others).count == others.count, "\(table.name)")
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
