import MetricModel
import Platform
import Testing

@testable import Scrape

/// Bodies made to hurt: errors or samples, never a crash, and no more memory than the body explains.
@Suite(.serialized) struct BodyReaderTests {
    /// The size of the body, in MiB, and how its one line begins.
    ///
    /// Each body is read in a process of its own: the tests that run at the same time need memory, too.
    @Test(arguments: [
        (50, "a"), (4, "a{x=\""), (4, "\""), (4, "# HELP a "), (4, "{"), (4, "a "), (4, "a 1 "),
        (4, "# TYPE a histogram\na{le=\""),
    ])
    func anEndlessLineIsAnErrorOrAComment(sizeMiB: Int, start: String) async {
        await #expect(processExitsWith: .success) { [sizeMiB, start] in
            let bytes = Array(start.utf8) + [UInt8](repeating: UInt8(ascii: "1"), count: sizeMiB << 20)
            let before = try peakBytes()
            let error = scrapeError(bytes)
            #expect(start.hasPrefix("# HELP") ? error == nil : error?.code == .exposition, "\(start)")
            // What is read may be held once more, and a little beside it.
            #expect(try peakBytes() - before < bytes.count + (16 << 20))
        }
    }

    @Test func aMillionLabelsAreRefused() {
        let bytes = Array(
            ("a{" + (0..<1_000_000).map { "l\($0)=\"\"" }.joined(separator: ",") + "} 1\n").utf8)
        #expect(scrapeError(bytes)?.message.contains("take more than") == true)
    }

    @Test func manyShortLabelsOfOneNameAreRefusedQuickly() {
        let bytes = Array(("a{" + String(repeating: "x=\"\",", count: 150_000) + "} 1\n").utf8)
        #expect(scrapeError(bytes)?.message.contains("is not unique") == true)
    }

    @Test func randomBytesNeverCrash() {
        var random = SeededGenerator(seed: printedSeed("randomBytesNeverCrash"))
        let scrape = plainScrape()
        for round in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? scrape.consume(bytes, at: Int64(round))
        }
    }

    @Test func wordsOfTheFormatInAnyOrderNeverCrash() {
        var random = SeededGenerator(seed: printedSeed("wordsOfTheFormatInAnyOrderNeverCrash"))
        let words = [
            "a", "b", "{", "}", "\"", "=", ",", " ", "\n", "\t", "# ", "HELP ", "TYPE ", "histogram", "1",
            "-", ".",
            "e", "NaN", "\\", "le", "\u{0}", "1700000000000", "x=\"1\"", "{\"m\"", "} 5\n", "é",
        ]
        var accepted = 0
        for _ in 0..<3_000 {
            let text = (0..<Int.random(in: 1...25, using: &random)).map { _ in
                words.randomElement(using: &random) ?? ""
            }
            let scrape = plainScrape()
            if (try? scrape.consume(text.joined(), at: 1)) != nil { accepted += 1 }
        }
        #expect(accepted > 0)
    }

    @Test func aCompressedOrBinaryBodyIsRefusedWithItsPlace() {
        #expect(scrapeError([0x1F, 0x8B, 0x08, 0x00])?.line == 1)
        #expect(scrapeError(Array("a 1\n".utf8) + [0xFF, 0xFE])?.line == 2)
        #expect(scrapeError([0x00, 0xFF]) == nil)
    }

    @Test func longLabelsMakeShortChunks() throws {
        let value = String(repeating: "v", count: 100_000)
        let text = (0..<40).map { "a{x=\"\(value)\($0)\"} 1\n" }.joined()
        let frame = try plainScrape().consume(text, at: 1)
        #expect(frame.layout.chunks.dropLast().allSatisfy { $0.plain.bytes.count < 2 << 20 })
        #expect(frame.values.count == 45)
    }
}

/// The error with which a scrape of `bytes` ends, nil when its samples are taken.
private func scrapeError(_ bytes: [UInt8]) -> ScrapeError? {
    let scrape = plainScrape()
    do {
        _ = try scrape.consume(bytes, at: 1)
        return nil
    } catch {
        return error as? ScrapeError
    }
}

/// The most memory that this process had resident since it began, in bytes.
///
/// The kernel's figure by `getrusage` would not do: it begins with what the parent process had.
private func peakBytes() throws -> Int {
    let status = String(
        decoding: try POSIXFiles().contents(of: "/proc/self/status", limitBytes: 65_536), as: UTF8.self)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    return try #require(kibibytes) << 10
}
