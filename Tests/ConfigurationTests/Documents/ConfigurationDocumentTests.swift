import Testing

@testable import Configuration

@Suite struct ConfigurationDocumentTests {
    private func document(_ text: String) throws -> ConfigurationDocument {
        try ConfigurationDocument.of(Array(text.utf8), name: "a.yml")
    }

    @Test(arguments: [
        "", "# nothing\n", "global: {}", "scrape_configs: []\n", "files: []", "a: b", "a: [",
        "files: {/a: {content: b}}\nglobal: {}\n", "\u{FEFF}global: {}\n",
    ])
    func othersAreForTheLoader(text: String) throws {
        #expect(try document(text) == .configuration)
    }

    @Test(arguments: ["Z2xvYmFsOiB7fQ==", "Z2xv\nYmFs\n", "[a, b]", "just words"])
    func aValueIsNoMapping(text: String) throws {
        #expect(try document(text) == .noMapping)
    }

    @Test func filesWithoutASectionOfAConfigurationAreAJob() throws {
        guard case .composerJob(let job) = try document("files: {/a.yml: {content: 'global: {}'}}") else {
            Issue.record("no job")
            return
        }
        #expect(job.files.map(\.path) == ["/a.yml"])
    }

    @Test func aConfigurationHasASection() {
        func isConfiguration(_ text: String) -> Bool {
            ConfigurationDocument.isConfiguration(Array(text.utf8))
        }
        #expect(isConfiguration("rule_files: []") && isConfiguration("remote_write:\n- url: x\n"))
        #expect(!isConfiguration("[]") && !isConfiguration("a: b") && !isConfiguration("a: ["))
    }
}
