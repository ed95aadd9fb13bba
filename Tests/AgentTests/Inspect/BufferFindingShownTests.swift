import JSON
import Testing

@testable import Agent
@testable import WriteAheadBuffer

struct BufferFindingShownTests {
    private func line(
        _ what: BufferFinding.What, bytes: UInt64 = 52_015, samples: UInt64? = nil, isHeld: Bool = false
    ) -> String {
        var finding = BufferFinding(what: what, file: "f", offset: 80, bytes: bytes)
        finding.samples = samples
        finding.job = samples.map { _ in "node" }
        let line = finding.line(isHeld: isHeld)
        #expect(line.hasPrefix("f offset 80: ") && line.hasSuffix("\n"))
        return String(line.dropFirst("f offset 80: ".count).dropLast())
    }

    @Test func aSentenceSaysWhatIsWrong() {
        #expect(line(.header) == "neither copy of the header can be read, so its 52015 bytes cannot be read")
        #expect(
            line(.absent, samples: 5_005)
                == "5005 samples of job node stood in a segment after this one that is not in the directory")
        #expect(line(.missing, samples: 1) == "1 sample of job node is missing before this place")
        #expect(line(.missing, samples: 2) == "2 samples of job node are missing before this place")
        #expect(line(.record, bytes: 1) == "1 byte is no record")
        #expect(line(.unfinished, bytes: 30, isHeld: true) == "30 bytes are being written")
        #expect(line(.base) == "a frame of 52015 bytes needs what is damaged: some samples cannot be read")
    }

    @Test func samplesThatNobodyKnowsAreLeftOut() {
        var finding = BufferFinding(what: .checksum, file: "f", offset: 80, bytes: 1)
        #expect(!finding.json.text().contains("samples"))
        (finding.samples, finding.job) = (0, "a")
        #expect(finding.json.text().contains(#""samples":0,"job":"a""#))
    }
}
