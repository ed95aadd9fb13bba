import MetricModel
import Relabel
import Telemetry
import TestSupport
import Testing

@testable import RemoteWrite

@Suite struct LegacyFramesTests {
    private func frame(
        _ names: [String], label: String = "l", target: String = "job", departed: [String] = []
    ) -> Frame {
        let target = TestFrames.target([Label(target, "é.1")])
        func chunk(_ names: [String]) -> LayoutChunk {
            TestFrames.chunk(names.map { [Label("__name__", $0), Label(label, "x-y")] }, target)
        }
        return Frame(
            target: target, layout: Layout(names.map { chunk([$0]) }), timestampMs: 1,
            values: names.map { _ in 1 },
            departed: departed.isEmpty
                ? []
                : [.init(chunk: chunk(departed), series: departed.indices.map { UInt32($0) })])
    }

    @Test func namesAreLookedAtAndValuesAreNot() {
        var frames = LegacyFrames()
        #expect(frames.contains(frame(["up", "a:b_9"])) == true)
        #expect(frames.contains(frame(["up", "a.b"])) == false)
        #expect(frames.contains(frame(["up"], label: "l:m")) == false)
        #expect(frames.contains(frame(["up"], target: "é")) == false)
        #expect(frames.contains(frame(["up"], departed: ["a b"])) == false)
        #expect(frames.contains(frame(["up"], departed: ["a_b"])) == true)
    }

    /// Identities are used again once an object is gone.
    @Test func answersAreAboutTheObjectThatIsThere() {
        var frames = LegacyFrames()
        for number in 0..<5_000 {
            let isLegacy = number.isMultiple(of: 2)
            #expect(frames.contains(frame([isLegacy ? "a_\(number)" : "a.\(number)"])) == isLegacy)
        }
    }

    @Test func aFrameOfLegacyNamesComesBackAsItIs() {
        let views = WriteRelabelViews(
            RelabelRules(),
            escaping: EscapedNames(
                count: MetricRegistry().counter("names", help: "Names."), logger: SaidLines().logger,
                clock: ManualClock(wallMs: 0)))
        let frame = frame(["up", "down"])
        let view = views.view(of: frame)
        #expect(view.frame.layout.isIdentical(to: frame.layout))
        #expect(view.drops.isEmpty && views.count == 0)
    }
}
