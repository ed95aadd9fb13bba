import TestSupport
import Testing

@testable import Platform

struct ResidentMemoryTests {
    @Test(
        arguments: [
            ("765 410 381 5 0 123 0\n", ResidentMemory(totalBytes: 4_100, fileBytes: 3_810)),
            ("1 2 3 ", ResidentMemory(totalBytes: 20, fileBytes: 30)), ("", nil), ("1 2 3", nil),
            ("1 2", nil), ("1  2 3 ", nil), ("a b c d", nil), ("1 -2 3 4", nil),
            ("1 1234567890123 3 4", nil),
        ] as [(String, ResidentMemory?)])
    func readsTheLineOfStatm(text: String, memory: ResidentMemory?) {
        #expect(ResidentMemory(statm: Array(text.utf8).span, pageBytes: 10) == memory)
    }

    @Test func sharedPagesAreNotAnonymous() {
        #expect(ResidentMemory(totalBytes: 100, fileBytes: 40).anonymousBytes == 60)
        #expect(ResidentMemory(totalBytes: 20, fileBytes: 30).anonymousBytes == 0)
    }

    @Test func memoryThatIsTouchedIsSeenAtTheNextLook() throws {
        let source = ResidentMemory.Source(files: POSIXFiles())
        let before = try source.now()
        #expect(before.totalBytes > before.fileBytes && before.fileBytes > 0)
        let block = [UInt8](repeating: 1, count: 64 << 20)
        let after = try source.now()
        // Other tests run beside this one, so not all of it need be seen.
        #expect(after.totalBytes > before.totalBytes + 32 << 20 || after.totalBytes > 64 << 20)
        #expect(block.count == 64 << 20)
    }

    @Test func withoutProcEveryLookThrows() {
        let source = ResidentMemory.Source(files: PowerLossFiles())
        for _ in 1...2 {
            #expect(throws: FileError.self) { _ = try source.now() }
        }
    }
}
