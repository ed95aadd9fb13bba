import Testing

@testable import Configuration

@Suite struct YAMLComposerTests {
    private func root(_ text: String, depth: Int = 64, nodes: Int = 1_000) throws -> YAMLNode? {
        try YAMLComposer.compose(Array(text.utf8), limits: .init(bytes: 1 << 16, depth: depth, nodes: nodes))
    }

    /// The tree in one line: scalars quoted unless plain.
    private func text(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let text, let plain): plain ? text : "'\(text)'"
        case .sequence(let items): "[" + items.map(text).joined(separator: " ") + "]"
        case .mapping(let entries):
            "{" + entries.map { "\(text($0.key)):\(text($0.value))" }.joined(separator: " ") + "}"
        }
    }

    @Test(arguments: [
        ("a: [1, '1', \"1\"]", "{a:[1 '1' '1']}"), ("a: !!str 1", "{a:'1'}"), ("a: !!int '1'", "{a:1}"),
        ("a: &x [1]\nb: *x", "{a:[1] b:[1]}"),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", "{a:{k:1 l:2} b:{k:3 l:2}}"),
        ("a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}", "{a:{k:1} b:{k:2 m:3} c:{k:1 m:3}}"),
        ("'<<': {a: 1}", "{'<<':{a:1}}"), ("- |\n  x\n  y\n", "['x\ny\n']"), ("a:", "{a:}"),
    ])
    func treesAreMade(source: String, expected: String) throws {
        #expect(text(try #require(try root(source))) == expected)
    }

    @Test func marksCountLinesAndCharacters() throws {
        let root = try #require(try root("a: x\né: [\"ü\", b]\n"))
        guard case .mapping(let entries) = root.content, case .sequence(let items) = entries[1].value.content
        else {
            Issue.record("a mapping with a list")
            return
        }
        #expect(entries[1].key.mark == YAMLMark(line: 2, column: 1))
        #expect(items[1].mark == YAMLMark(line: 2, column: 10))
    }

    @Test func expansionIsCounted() throws {
        #expect(try root("a: &a [1, 2]\nb: [*a, *a]\n")?.expandedCount == 13)
        #expect(throws: YAMLSyntaxError.self) { try root("a: &a [1, 2]\nb: [*a, *a]\n", nodes: 12) }
        #expect(throws: YAMLSyntaxError.self) { try root("[[[]]]", depth: 2) }
    }
}
