import Configuration
import Relabel
import Testing
import WriteAheadBuffer

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

    /// Former versions wrote one frame after the other, whether they told their options or not.
    @Test func aRequestOfAFormerVersionIsMadeAgainInTheOrderOfTheLog() {
        for (options, order) in [(0, .log), (6, .log), (7, .together), (8, nil)]
            as [(UInt64, SentRequest.FrameOrder?)]
        {
            let request = SentRequest(spans: [], protocolVersion: 1, options: options)
            #expect(request.frameOrder(by: 7, former: 6) == order, "options \(options)")
        }
        // The number is what those versions have written into their cursors for these options.
        let age = SampleAge(configuredMs: 0, url: plain.url)
        #expect(RequestOptions.formerDigest(plain, age: age) == 7_148_017_125_850_935_094)
        #expect(digest(plain) != RequestOptions.formerDigest(plain, age: age))
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
