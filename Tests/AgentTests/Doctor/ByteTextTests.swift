import Testing

@testable import Agent

struct ByteTextTests {
    @Test(
        arguments: [
            (0, "0B"), (1_023, "1023B"), (1_024, "1KB"), (1_536, "1.5KB"), (512 << 20, "512MB"),
            (UInt64.max, "16EB"),
        ] as [(UInt64, String)])
    func bytesHaveTheLargestUnit(bytes: UInt64, text: String) {
        #expect(ByteText.text(bytes) == text)
    }

    @Test(
        arguments: [
            (0, "0"), (0.04, "0"), (0.05, "0.1"), (2.349, "2.3"), (-0.25, "-0.3"), (-3.5, "-3.5"), (12, "12"),
            (1e300, "1e+300"),
        ] as [(Double, String)])
    func oneDigitStandsBehindThePoint(value: Double, text: String) {
        #expect(ByteText.decimal(value) == text)
    }
}
