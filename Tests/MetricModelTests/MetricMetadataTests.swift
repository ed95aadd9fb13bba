import Testing

@testable import MetricModel

@Suite struct MetricMetadataTests {
    @Test(arguments: [
        ("untyped", 0), ("unknown", 0), ("counter", 1), ("gauge", 2), ("histogram", 3),
        ("gaugehistogram", 4), ("summary", 5), ("info", 6), ("stateset", 7),
    ])
    func wordsHaveTheNumbersOfTheMessages(word: String, number: UInt8) {
        #expect(MetricMetadata.Kind(word: word)?.rawValue == number)
    }

    @Test func otherWordsAreNone() { #expect(MetricMetadata.Kind(word: "Counter") == nil) }

    @Test(arguments: [
        (MetricMetadata.Kind.counter, "f", true), (.counter, "f_total", true), (.counter, "f_bucket", false),
        (.histogram, "f_bucket", true), (.histogram, "f_sum", true), (.histogram, "f_count", true),
        (.histogram, "f", true), (.histogram, "f_total", false), (.summary, "f_count", true),
        (.gaugeHistogram, "f_gsum", true), (.info, "f_info", true), (.gauge, "f_total", false),
        (.unknown, "f", true), (.unknown, "g", false),
    ])
    func samplesBelongToAFamilyByTheirNames(kind: MetricMetadata.Kind, name: String, belongs: Bool) {
        #expect(MetricMetadata(family: "f", kind: kind).covers(sampleName: name) == belongs)
    }
}
