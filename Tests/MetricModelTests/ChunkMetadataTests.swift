import Testing

@testable import MetricModel

@Suite struct ChunkMetadataTests {
    private func comments(_ lines: [(ChunkMetadata.Subject, String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (subject, family, text) in lines {
            ChunkMetadata.append(subject, family: Array(family.utf8), text: Array(text.utf8)[...], to: &bytes)
        }
        return bytes
    }

    @Test func lastWordOfAFamilyHoldsAndItsCommentsEndWithTheNextFamily() throws {
        let bytes = comments([
            (.help, "a", "first"), (.type, "a", "counter"), (.help, "a", "last"), (.unit, "a", "s"),
            (.type, "b", "untyped"), (.type, "c", "spiral"),
        ])
        let second = UInt32(comments([(.help, "a", "first"), (.type, "a", "counter")]).count)
        let metadata = try #require(
            ChunkMetadata(
                comments: bytes,
                runs: [
                    .init(firstSeries: 2, offset: 0),
                    .init(firstSeries: 4, offset: ChunkMetadata.Run.noFamily),
                    .init(firstSeries: 5, offset: second),
                ], seriesCount: 6))
        let a = MetricMetadata(family: "a", kind: .counter, help: "last", unit: "s")
        #expect(
            (0..<6).map { metadata.family(ofSeries: $0) }
                == [nil, nil, a, a, nil, MetricMetadata(family: "a", help: "last", unit: "s")])
    }

    @Test func damagedOnesAreRefused() {
        let bytes = comments([(.help, "a", "text")])
        func make(_ bytes: [UInt8], _ runs: [ChunkMetadata.Run] = []) -> ChunkMetadata? {
            ChunkMetadata(comments: bytes, runs: runs, seriesCount: 2)
        }
        #expect(make(bytes, [.init(firstSeries: 1, offset: 0)]) != nil)
        // A run in the middle of a comment, of no series, and runs that do not ascend.
        #expect(make(bytes, [.init(firstSeries: 1, offset: 1)]) == nil)
        #expect(make(bytes, [.init(firstSeries: 2, offset: 0)]) == nil)
        #expect(make(bytes, [.init(firstSeries: 1, offset: 0), .init(firstSeries: 1, offset: 0)]) == nil)
        for length in 1..<bytes.count { #expect(make(Array(bytes[..<length])) == nil, "\(length) bytes") }
        #expect(make([3] + bytes.dropFirst()) == nil)
        var long = bytes
        for place in 1...8 { long[place] = 0xFF }
        #expect(make(long) == nil)
        #expect(make(bytes.dropLast() + [0xFF]) == nil, "not UTF-8")
    }

    @Test func chunksThatDifferInMetadataAloneAreTwo() throws {
        func chunk(_ metadata: ChunkMetadata?) throws -> LayoutChunk {
            var builder = LayoutChunkBuilder()
            let text = Array("a".utf8)
            builder.appendLabel(name: text.span, value: text.span)
            builder.endSeries()
            return builder.finish(metadata: metadata)
        }
        let one = try chunk(
            ChunkMetadata(
                comments: comments([(.help, "a", "x")]), runs: [.init(firstSeries: 0, offset: 0)],
                seriesCount: 1))
        let other = try chunk(
            ChunkMetadata(
                comments: comments([(.help, "a", "y")]), runs: [.init(firstSeries: 0, offset: 0)],
                seriesCount: 1))
        #expect(!one.hasSameContent(as: other))
        #expect(!one.hasSameContent(as: try chunk(nil)))
        #expect(one.digest != other.digest)
        #expect(one.metadata?.heldBytes == 11 + 8)
    }
}
