import Configuration
import Glibc
import MetricModel
import Platform
import Testing

@testable import Discovery

@Suite struct FileScannerTests {
    private let folder: TemporaryFolder
    private let files = POSIXFiles()

    init() throws { folder = try TemporaryFolder() }

    private func scanner(_ patterns: String...) -> FileScanner {
        FileScanner(patterns: patterns.map { "\(folder.path)/\($0)" })
    }

    private func addresses(_ scanner: FileScanner) -> [String] {
        scanner.groups.flatMap { $0.targets.compactMap { $0["__address__"] } }
    }

    @Test func yamlAndJSONAreReadByGlob() throws {
        try folder.put("b.yml", "- targets: [b:1]\n  labels: {env: x}\n")
        try folder.put("a.json", "[{\"targets\": [\"a:1\"]}, {\"targets\": [\"a:2\"]}]")
        try folder.put("c.txt", "- targets: [c:1]\n")
        var scanner = scanner("*.yml", "*.json", "b.yml", "absent.yml")
        scanner.scan(readsAll: true, files: files)
        #expect(scanner.failures.isEmpty)
        #expect(addresses(scanner) == ["a:1", "a:2", "b:1"])
        #expect(scanner.groups[2].source == "\(folder.path)/b.yml, group 1")
        #expect(scanner.groups[2].labels == labels(("__meta_filepath", "\(folder.path)/b.yml"), ("env", "x")))
    }

    @Test func changesAreSeenAndFaultsKeepTheLastGoodContent() throws {
        try folder.put("a.yml", "- targets: [a:1]\n")
        var scanner = scanner("*.yml")
        scanner.scan(readsAll: true, files: files)
        try folder.put("a.yml", "- targets: [a:2]\n")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:2"])
        try folder.put("a.yml", "- targets: [a:3]\n- targets: a:4\n  lables: {}\n")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:2"])
        #expect(
            scanner.failures == [
                .init(
                    path: "\(folder.path)/a.yml",
                    message:
                        "\(folder.path)/a.yml:2:12: targets must be a list of host:port, but this is a string"
                        + " (and 1 more errors)")
            ])
        scanner.scan(readsAll: false, files: files)
        #expect(scanner.failures.isEmpty, "an unchanged file is not read again")
        scanner.scan(readsAll: true, files: files)
        #expect(scanner.failures.count == 1)
        #expect(addresses(scanner) == ["a:2"])
        try folder.put("a.yml", "[]")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner).isEmpty && scanner.failures.isEmpty)
    }

    @Test func aFileThatIsGoneIsBelievedTheSecondTime() throws {
        try folder.put("a.yml", "- targets: [a:1]\n")
        try folder.put("b.yml", "- targets: [b:1]\n")
        var scanner = scanner("*.yml")
        scanner.scan(readsAll: true, files: files)
        try folder.remove("a.yml")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:1", "b:1"])
        scanner.scan(readsAll: true, files: files)
        #expect(addresses(scanner) == ["b:1"])
        try folder.put("a.yml", "- targets: [a:1]\n")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:1", "b:1"])
    }

    @Test func aFileThatIsEmptyIsBelievedTheSecondTime() throws {
        try folder.put("a.yml", "- targets: [a:1]\n")
        var scanner = scanner("a.yml")
        scanner.scan(readsAll: true, files: files)
        try folder.put("a.yml", "")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:1"])
        try folder.put("a.yml", "- targets: [a:2]\n")
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:2"])
        try folder.put("a.yml", "")
        for _ in 0..<3 { scanner.scan(readsAll: false, files: files) }
        #expect(addresses(scanner).isEmpty && scanner.failures.isEmpty)
    }

    /// What Prometheus takes for a list without targets, and what for a file that it cannot read.
    @Test(arguments: [
        ("json", "", true), ("json", " \n\t", true), ("json", "null", false), ("json", "\t[]\n", false),
        ("json", "null\n", false), ("json", "[null]", true), ("json", "[{\"targets\":", true),
        ("json", "{}", true), ("json", "\u{FEFF}[]", true), ("json", "\0\0\0", true), ("json", "# a", true),
        ("json", "~", true), ("json", "\u{1}", true), ("JSON", "", true),
        ("yml", "", false), ("yml", " \n", false), ("yml", "null", false), ("yml", "~", false),
        ("yml", "# a\n", false), ("yml", "---\n", false), ("yml", "\u{FEFF}[]", false),
        ("yml", "- \n", true), ("yml", "- targets: [", true), ("yml", "{}", true), ("yml", "\0\0\0", true),
        ("yaml", "\u{1}", true),
    ])
    func whatIsNoListKeepsItsTargets(end: String, text: String, isKept: Bool) throws {
        // Stands for bytes that are no UTF-8.
        let bytes = text == "\u{1}" ? [0x5B, 0x22, 0xFF, 0x22, 0x5D] : Array(text.utf8)
        try folder.put("a.\(end)", "[{\"targets\": [\"a:1\"]}]")
        defer { try? folder.remove("a.\(end)") }
        var scanner = scanner("a.\(end)")
        scanner.scan(readsAll: true, files: files)
        #expect(addresses(scanner) == ["a:1"])
        try folder.put("a.\(end)", bytes)
        scanner.scan(readsAll: false, files: files)
        #expect(scanner.failures.count == (isKept ? 1 : 0))
        // Seen so twice, and read anew later.
        scanner.scan(readsAll: false, files: files)
        scanner.scan(readsAll: true, files: files)
        #expect(scanner.failures.count == (isKept ? 1 : 0))
        #expect(addresses(scanner) == (isKept ? ["a:1"] : []))
    }

    @Test func whatCannotBeReadKeepsItsTargets() throws {
        try folder.put("a.yml", "- targets: [a:1]\n")
        var scanner = scanner("*.yml")
        scanner.scan(readsAll: true, files: files)
        try folder.remove("a.yml")
        try files.makeDirectory("\(folder.path)/a.yml")
        scanner.scan(readsAll: false, files: files)
        scanner.scan(readsAll: false, files: files)
        #expect(addresses(scanner) == ["a:1"])
        #expect(scanner.failures.count == 1)
    }

    /// Opening a pipe without a writer would hold a worker for ever.
    @Test(.timeLimit(.minutes(1))) func pipesAndFoldersAreFailuresAndBlockNothing() throws {
        // Safety: the path is a string for the length of the call.
        #expect(unsafe mkfifo("\(folder.path)/pipe.yml", 0o600) == 0)
        try files.makeDirectory("\(folder.path)/folder.yml")
        try folder.put("z.yml", "- targets: [z:1]\n")
        var scanner = scanner("*.yml")
        for _ in 0..<2 {
            scanner.scan(readsAll: true, files: files)
            #expect(addresses(scanner) == ["z:1"])
            #expect(scanner.failures.count == 2)
            #expect(scanner.failures[0].message.contains("it is a folder; name its files"))
            #expect(scanner.failures[1].message.contains("no regular file"))
        }
        #expect(throws: FileError.self) {
            _ = try files.contents(of: "\(folder.path)/pipe.yml", limitBytes: 100)
        }
        _ = unsafe rmdir("\(folder.path)/folder.yml")
    }

    @Test func aFileThatWorksAgainIsSaidOnce() throws {
        try folder.put("a.yml", "- targets: 7\n")
        var scanner = scanner("a.yml")
        scanner.scan(readsAll: true, files: files)
        scanner.scan(readsAll: false, files: files)
        #expect(scanner.failures.isEmpty && scanner.recovered.isEmpty, "not read again")
        try folder.put("a.yml", "- targets: [a:1]\n")
        scanner.scan(readsAll: false, files: files)
        #expect(scanner.recovered == ["\(folder.path)/a.yml"])
        scanner.scan(readsAll: true, files: files)
        #expect(scanner.recovered.isEmpty)
    }

    @Test func badPatternsAreFailures() {
        var scanner = scanner("[a.yml")
        scanner.scan(readsAll: true, files: files)
        #expect(scanner.failures.count == 1 && scanner.failures[0].message.contains("not a pattern"))
    }
}
