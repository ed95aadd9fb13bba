import Testing

@testable import StandIns

struct LabelRulesTests {
    private func fault(_ labels: [(String, String)]) throws -> String? {
        let request = try WriteRequestDecoder.decode(
            WireRequest.body([WireRequest(labels: labels, samples: [(1, 1)])]), limitBytes: 1 << 20)
        return LabelRules.fault(request, request.series[0])
    }

    @Test func goodLabelsPass() throws {
        #expect(try fault([("__name__", "up")]) == nil)
        #expect(try fault([("A", "x"), ("__name__", "a:b_1"), ("a", "ü"), ("a1", "y"), ("aa", "z")]) == nil)
    }

    @Test(
        arguments: [
            ([], "missing metric name"),
            ([("job", "a")], "missing metric name"),
            ([("__name__", "1up")], "invalid metric name"),
            ([("__name__", "ü")], "invalid metric name"),
            ([("__name__", "a-b")], "invalid metric name"),
            ([("__name__", "")], "invalid label: empty value"),
            ([("__name__", "up"), ("", "x")], "invalid label: empty label name"),
            ([("__name__", "up"), ("job", "")], "invalid label: empty value"),
            ([("__name__", "up"), ("job", "a"), ("job", "a")], "duplicate label name 'job'"),
            ([("__name__", "up"), ("b", "x"), ("a", "x")], "labels are not sorted: 'a' after 'b'"),
            ([("job", "a"), ("__name__", "up")], "labels are not sorted"),
            ([("__name__", "up"), ("a-b", "x")], "invalid label: 'a-b'"),
            ([("__name__", "up"), ("a:b", "x")], "invalid label: 'a:b'"),
            ([("__name__", "up"), ("1a", "x")], "invalid label: '1a'"),
        ] as [([(String, String)], String)])
    func badLabelsAreNamed(labels: [(String, String)], words: String) throws {
        #expect(try fault(labels)?.hasPrefix(words) == true)
    }

    @Test func tooManyLabelsAreRefused() throws {
        let many = [("__name__", "up")] + (0..<150).map { ("l\(1_000 + $0)", "x") }
        #expect(try fault(many)?.contains("151 label names; limit: 150") == true)
        #expect(try fault(Array(many.dropLast())) == nil)
    }

    @Test func aValueThatIsNoUTF8IsRefused() throws {
        let label = WireRequest.field(1, Array("a".utf8)) + WireRequest.field(2, [0xFF])
        let series = WireRequest.field(1, WireRequest.field(1, label))
        let request = try WriteRequestDecoder.decode(WireRequest.snappy(series), limitBytes: 100)
        #expect(LabelRules.fault(request, request.series[0]) == "invalid label: value of 'a' is not UTF-8")
    }
}
