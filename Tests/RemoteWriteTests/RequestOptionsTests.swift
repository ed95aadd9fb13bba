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

    /// Versions that have not told their options wrote the frames of a request of 1.0 in another order.
    @Test func aRequestOfAnOlderVersionIsOfOtherOptionsForRemoteWriteOne() {
        for (options, version, isSame) in [
            (0, 1, false), (0, 2, true), (7, 1, true), (7, 2, true), (8, 1, false), (8, 2, false),
        ] as [(UInt64, UInt8, Bool)] {
            let request = SentRequest(spans: [], protocolVersion: version, options: options)
            #expect(request.isMade(by: 7) == isSame, "options \(options), version \(version)")
        }
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
