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
}
