import Platform
import Testing

@testable import Agent

@Suite struct ArgumentFilesTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: [UInt8]) throws -> [String] {
        try POSIXFiles().replace(folder.path + "/args", with: text)
        var files = ArgumentFiles(files: POSIXFiles())
        return try files.arguments(for: "@\(folder.path)/args")
    }

    @Test(
        arguments: [
            ("", []), ("a", ["a"]), ("a\nb\n", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]),
            ("#a\n b \n\n #c\n", [" b ", "", " #c"]),
        ] as [(String, [String])])
    func aLineIsAnArgument(text: String, arguments: [String]) throws {
        #expect(try read(Array(text.utf8)) == arguments)
    }

    @Test func whatIsNoTextIsRefused() {
        let error = #expect(throws: CommandLineError.self) { try read([0x2D, 0xFF]) }
        #expect(error?.message.contains("is not valid UTF-8") == true)
    }

    @Test func tooManyArgumentsAreRefused() {
        let error = #expect(throws: CommandLineError.self) {
            try read(Array(String(repeating: "a\n", count: 10_001).utf8))
        }
        #expect(error?.message.contains("more than 10000 arguments") == true)
    }

    /// A file that names itself would go on for ever.
    @Test func aFileThatNamesItselfEnds() throws {
        let path = folder.path + "/self"
        try POSIXFiles().replace(path, with: Array("@\(path)\n--config.print\n".utf8))
        let reading = FlagReading(["@\(path)"])
        #expect(reading.faults.contains { $0.contains("more than 32 files of arguments") })
    }
}
