import MetricModel
import Testing

@Suite struct TargetTests {
    @Test func externalLabelsFillOnlyWhatTheTargetHasNot() {
        let target = Target(
            job: "j", own: LabelSet([Label("job", "own")]),
            external: LabelSet([Label("job", "outer"), Label("region", "eu")]))
        #expect(target.labels.labels == [Label("job", "own"), Label("region", "eu")])
        #expect(target.isExternal == [false, true])
    }

    @Test func encodedLabelsDecodeToTheSame() {
        let target = Target(
            job: "j", own: LabelSet([Label("a", String(repeating: "x", count: 300)), Label("é", "ü")]))
        #expect(EncodedLabels.decode(target.encodedLabels) == target.labels.labels)
        #expect(target.encodedLabelOffsets.count == 3)
        #expect(Int(target.encodedLabelOffsets[2]) == target.encodedLabels.count)
    }

    @Test func theIdentityIsTheSameInEveryRunAndTellsTargetsApart() {
        let target = Target(job: "j", own: LabelSet([Label("instance", "a:1")]))
        #expect(target.id == 0x97A9_9BEB_5AFF_C7B0, "a stored cursor chooses lanes by it")
        #expect(target.id == Target(job: "j", own: LabelSet([Label("instance", "a:1")])).id)
        let others = [
            Target(job: "k", own: LabelSet([Label("instance", "a:1")])),
            Target(job: "j", own: LabelSet([Label("instance", "a:2")])),
            Target(job: "j", own: LabelSet(), external: LabelSet([Label("instance", "a:1")])),
        ]
        #expect(Set(others.map(\.id) + [target.id]).count == 4)
    }
}
