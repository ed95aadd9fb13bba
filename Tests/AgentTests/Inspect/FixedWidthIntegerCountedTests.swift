import Testing

@testable import Agent

struct FixedWidthIntegerCountedTests {
    @Test func oneIsNotMany() {
        #expect(UInt64(1).counted("segment") == "1 segment")
        #expect([0, 2].map { $0.counted("byte") } == ["0 bytes", "2 bytes"])
    }
}
