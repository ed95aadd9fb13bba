import MetricModel
import Testing

@Suite struct ExemplarTests {
    private let labels = LabelSet([Label("trace_id", "abc"), Label("a", "ü")])

    @Test func labelsAreKeptSortedAndReadBack() {
        let exemplar = Exemplar(labels: labels, value: 0.5, timestampMs: 7)
        #expect(exemplar.labels == labels)
        // 0x0A length { 0x0A length name 0x12 length value }, twice.
        #expect(
            exemplar.encodedLabels
                == [0x0A, 7, 0x0A, 1, 0x61, 0x12, 2, 0xC3, 0xBC]
                + [0x0A, 15, 0x0A, 8] + Array("trace_id".utf8) + [0x12, 3] + Array("abc".utf8))
    }

    @Test func bytesThatAreNoLabelsAreRefused() {
        let good = Exemplar(labels: labels, value: 1, timestampMs: nil).encodedLabels
        #expect(Exemplar(encodedLabels: good, value: 1, timestampMs: nil)?.labels == labels)
        #expect(Exemplar(encodedLabels: Array(good.dropLast()), value: 1, timestampMs: nil) == nil)
        #expect(Exemplar(encodedLabels: [0x12, 0], value: 1, timestampMs: nil) == nil)
        let long = LabelSet([Label("a", String(repeating: "x", count: 2_000))])
        let bytes = Exemplar(labels: long, value: 1, timestampMs: nil).encodedLabels
        #expect(Exemplar(encodedLabels: bytes, value: 1, timestampMs: nil) == nil)
    }

    @Test func aTimeThatOneLacksIsNotCompared() {
        let timed = Exemplar(labels: labels, value: .nan, timestampMs: 5)
        let later = Exemplar(labels: labels, value: .nan, timestampMs: 6)
        let untimed = Exemplar(labels: labels, value: .nan, timestampMs: nil)
        #expect(timed.repeats(untimed))
        #expect(untimed.repeats(timed))
        #expect(!timed.repeats(later))
        #expect(!timed.repeats(Exemplar(labels: labels, value: 1, timestampMs: 5)))
        #expect(!timed.repeats(Exemplar(labels: LabelSet(), value: .nan, timestampMs: 5)))
        #expect(timed != untimed)
        #expect(timed == Exemplar(labels: labels, value: .nan, timestampMs: 5))
    }
}
