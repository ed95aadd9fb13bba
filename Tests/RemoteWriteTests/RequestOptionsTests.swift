import Configuration
import Relabel
import Testing

@testable import RemoteWrite

struct RequestOptionsTests {
    private let plain = RemoteWriteConfiguration(url: "http://receiver/", name: "main")

    private func digest(_ configuration: RemoteWriteConfiguration, ageMs: Int64 = 0) -> UInt64 {
        RequestOptions.digest(configuration, age: SampleAge(configuredMs: ageMs, url: configuration.url))
    }

    @Test func theDigestIsTheSameInEveryRunAndOtherForOtherBytes() throws {
        var histograms = plain
        histograms.sendNativeHistograms.toggle()
        var exemplars = plain
        exemplars.sendExemplars.toggle()
        var buckets = plain
        buckets.sendCustomBuckets.toggle()
        var rules = plain
        rules.writeRelabelRules = RelabelRules([try RelabelRule(.init(action: .labeldrop, regex: "a"))])
        var others = plain
        others.writeRelabelRules = RelabelRules([try RelabelRule(.init(action: .labeldrop, regex: "b"))])
        var message = plain
        message.protobufMessage = .auto
        var names = plain
        names.escapeUTF8Names = true
        let digests = [plain, histograms, exemplars, buckets, rules, others, message, names].map {
            digest($0)
        }
        #expect(Set(digests + [digest(plain, ageMs: 5)]).count == 9)
        #expect(!digests.contains(0))
        #expect(digest(plain) == digests[0])
    }

    /// Where and how often requests are sent does not change them.
    @Test func whatDoesNotChangeBytesIsNoPartOfIt() {
        var other = plain
        other.url = "http://elsewhere/"
        other.queue.maxShards = 3
        other.queue.maxSamplesPerSend = 10
        #expect(digest(other) == digest(plain))
    }
}
