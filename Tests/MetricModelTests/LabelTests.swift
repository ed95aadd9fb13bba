import MetricModel
import Testing

@Suite struct LabelTests {
    @Test func labelsAreSortedByBytesAndUnique() {
        let set = LabelSet([
            Label("b", "1"), Label("B", "2"), Label("_", "3"), Label("b", "4"), Label("é", "5"),
        ])
        #expect(set.labels.map(\.name) == ["B", "_", "b", "é"])
        #expect(set["b"] == "4")
    }

    @Test func anEmptyValueMeansAbsent() {
        var set = LabelSet([Label("a", ""), Label("b", "1")])
        #expect(set["a"] == nil)
        set["b"] = ""
        #expect(set.isEmpty)
        set["c"] = nil
        #expect(set.count == 0)
    }

    @Test func namesThatSwiftCallsEqualStayApartWhenTheirBytesDiffer() {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed, "Swift's comparison is by canonical equivalence")
        #expect(Label("a", composed) != Label("a", decomposed))
        let set = LabelSet([Label(composed, "1"), Label(decomposed, "2")])
        #expect(set.count == 2)
        #expect(set[composed] == "1")
        #expect(Set([Label("a", composed), Label("a", decomposed)]).count == 2)
    }

    @Test func describesItselfAsPromQLDoes() {
        #expect(LabelSet([Label("job", "a"), Label("i", "b")]).description == "{i=\"b\", job=\"a\"}")
    }
}
