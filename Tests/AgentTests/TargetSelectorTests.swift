import MetricModel
import Testing

@testable import Agent

@Suite struct TargetSelectorTests {
    private let labels = LabelSet([Label("job", "api"), Label("instance", "10.0.0.1:80")])

    @Test(arguments: [
        ("{}", true), ("{job=\"api\"}", true), (" { job = 'api' , } ", true), ("{job!=\"api\"}", false),
        ("{job=\"api\",instance=~`10\\.0.*`}", true), ("{instance=~\"10\"}", false),
        ("{instance!~\".*:80\"}", false), ("{zone=\"\"}", true), ("{zone=~\".+\"}", false),
        ("{job=\"a\\x\"}", nil), ("job=\"api\"", nil), ("{job}", nil), ("{job=\"api\"", nil),
        ("{job=api}", nil), ("{job=~\"(\"}", nil), ("{job=\"api\"}}", nil), ("{,}", nil), ("", nil),
    ])
    func targetsAreFoundByTheirLabels(text: String, found: Bool?) {
        #expect((try? TargetSelector(text))?.contains(labels) == found)
    }
}
