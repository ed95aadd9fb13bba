import Testing

@testable import Scrape

@Suite struct OpenMetricsFloatTests {
    /// What Go's formatOpenMetricsFloat gives.
    @Test(arguments: [
        (1.0, "1.0"), (0.0, "0.0"), (-0.0, "0.0"), (-1.0, "-1.0"), (0.5, "0.5"), (0.005, "0.005"),
        (10.0, "10.0"),
        (100_000, "100000.0"), (1_000_000, "1e+06"), (1_234_567, "1.234567e+06"), (0.0001, "0.0001"),
        (0.00001, "1e-05"), (0.000012, "1.2e-05"), (1e100, "1e+100"), (-2.5, "-2.5"),
        (123_456.75, "123456.75"),
        (Double.leastNonzeroMagnitude, "5e-324"), (Double.infinity, "+Inf"), (-Double.infinity, "-Inf"),
        (Double.nan, "NaN"),
        (0.1, "0.1"), (16_777_216, "1.6777216e+07"),
    ])
    func formIsPrometheus(value: Double, text: String) {
        #expect(OpenMetricsFloat.text(value) == text)
    }

    private func isPlain(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        // Safety: the span is used only inside the closure, where the array's bytes live.
        return unsafe bytes.withUnsafeBytes { unsafe OpenMetricsFloat.isPlain($0.bytes, 0..<bytes.count) }
    }

    /// What is left as it is must be what would be written for it.
    @Test func whatIsPlainIsTheNormalForm() throws {
        for text in ["+Inf", "0.0", "0.005", "1.0", "20.0", "123456.75", "0.0001", "0.00015", "100000.0"] {
            #expect(isPlain(text), "\(text)")
        }
        for text in ["1", "1.", ".5", "+0.5", "-1.0", "1.00", "00.5", "0.00001", "1000000.0", "1e3"] {
            #expect(!isPlain(text), "\(text)")
        }
        var random = SeededGenerator(seed: printedSeed("whatIsPlainIsTheNormalForm"))
        let alphabet = Array("000123459.")
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...18, using: &random)
            let text = String((0..<length).map { _ in alphabet.randomElement(using: &random) ?? "0" })
            guard isPlain(text) else { continue }
            let value = try #require(Double(text))
            #expect(OpenMetricsFloat.text(value) == text)
        }
    }
}
