import Platform
import Testing

@Suite struct SecondsTextTests {
    @Test(
        arguments: [
            (0, "0"), (10_000, "10"), (2_500, "2.5"), (1, "0.001"), (1_050, "1.05"), (60_010, "60.01"),
        ] as [(Int64, String)])
    func secondsHaveNoTrailingZeros(milliseconds: Int64, text: String) {
        #expect(SecondsText.from(milliseconds: milliseconds) == text)
    }
}
