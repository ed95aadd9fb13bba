import FoundationEssentials
import Testing

@testable import Configuration

/// Files as people write them, good and bad, with what must be said of each.
/// `Tests/Integration/corpus/README.md` tells the form.
@Suite struct ConfigurationCorpusTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// What the comments before the text say, by their first word.
        let heads: [String: [String]]
        let text: String

        var testDescription: String { name }
    }

    /// The cases of the files whose names begin so.
    static func cases(_ prefix: String) -> [Case] {
        let folder =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
            .joined(separator: "/") + "/Integration/corpus/"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().filter { $0.hasPrefix(prefix) && $0.hasSuffix(".txt") }.flatMap { name in
            let text = (try? String(contentsOfFile: folder + name, encoding: .utf8)) ?? ""
            return "\n\(text)".split(separator: "\n#=== ", omittingEmptySubsequences: true).compactMap(one)
        }
    }

    private static func one(_ part: Substring) -> Case? {
        var lines = part.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard let name = lines.popFirst(), !name.isEmpty else { return nil }
        var heads: [String: [String]] = [:]
        while let line = lines.first, line.hasPrefix("# "), let colon = line.firstRange(of: ": ") {
            let word = String(line[..<colon.lowerBound].dropFirst(2))
            guard ["fault", "schema", "differs", "ignored", "warns"].contains(word) else { break }
            heads[word, default: []].append(String(line[colon.upperBound...]))
            lines.removeFirst()
        }
        return Case(name: String(name), heads: heads, text: lines.joined(separator: "\n") + "\n")
    }

    static let bad = cases("bad-")
    static let good = cases("good-")

    @Test func thereAreEnough() {
        #expect(Self.bad.count >= 150)
        #expect(Self.good.count >= 60)
        #expect(Set((Self.bad + Self.good).map(\.name)).count == Self.bad.count + Self.good.count)
    }

    @Test(arguments: bad) func everyFaultIsToldWithItsPlace(file: Case) {
        let found = errors(file.text)
        let wanted = file.heads["fault"] ?? []
        #expect(!wanted.isEmpty && found.count == wanted.count, "\(found)")
        for (line, words) in zip(found, wanted) {
            let parts = words.split(separator: " ")
            #expect(line.hasPrefix("\(parts[0]): "), "\(line)")
            for word in parts.dropFirst() { #expect(line.contains(word), "\(line)") }
        }
    }

    @Test(arguments: good) func whatPeopleWriteIsTaken(file: Case) throws {
        let configuration = try Configuration.load(
            text: Array(file.text.utf8), file: "conf/narthex.yml", environment: ["HOSTNAME": "h"],
            including: { _ in .files([]) })
        let ignored = (file.heads["ignored"] ?? []).flatMap { $0.split(separator: " ").map(String.init) }
        #expect(Set(configuration.ignored.map(\.key)) == Set(ignored))
        #expect(configuration.warnings.count == (file.heads["warns"]?.first.flatMap { Int($0) } ?? 0))
    }
}
