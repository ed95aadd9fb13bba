import Platform
import Testing

@testable import MetricModel

@Suite struct SeriesCodeTests {
    /// Labels one after the other, as the code must give them back.
    private struct Labels {
        var plain = LayoutChunk.Plain()
        var builder = LayoutChunkBuilder()

        /// Adds a series: nil stands for the next of the target's labels.
        mutating func add(_ labels: [(name: String, value: String)?]) {
            var target = 0
            for label in labels {
                if let label {
                    builder.appendLabel(
                        name: Array(label.name.utf8).span, value: Array(label.value.utf8).span)
                    ProtobufWire.appendLabel(
                        name: Array(label.name.utf8).span, value: Array(label.value.utf8).span,
                        to: &plain.bytes)
                    isOpen = true
                } else {
                    builder.appendTargetLabel(target)
                    if let last = plain.pieces.last, !isOpen, hasPieces {
                        plain.pieces.removeLast()
                        addPiece(Int(last.firstTargetLabel), Int(last.targetLabelCount) + 1)
                    } else {
                        addPiece(target, 1)
                    }
                    target += 1
                }
            }
            if isOpen || !hasPieces { addPiece(0, 0) }
            builder.endSeries()
            plain.pieceOffsets.append(UInt32(plain.pieces.count))
        }

        private var isOpen = false
        private var hasPieces: Bool { plain.pieces.count > Int(plain.pieceOffsets.last ?? 0) }

        private mutating func addPiece(_ first: Int, _ count: Int) {
            plain.pieces.append(
                .init(
                    runEnd: UInt32(plain.bytes.count), firstTargetLabel: UInt16(first),
                    targetLabelCount: UInt16(count)))
            isOpen = false
        }
    }

    /// Like exporters' labels, and unlike any: long and empty ones, one byte over and over, many of the
    /// target's.
    private func labels(_ random: inout SplitMix64, series: Int, longest: Int) -> Labels {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        func text() -> String {
            switch below(6) {
            case 0: String(repeating: "a", count: below(longest))
            case 1: "/api/v1/resource/\(below(4))/item"
            case 2: "\(random.next())"
            case 3: ["GET", "POST", "0.005", "+Inf", "é本", ""][below(6)]
            default: "node-\(below(series + 1)).pool\(below(9)).example"
            }
        }
        var result = Labels()
        var name = "a_family_of_metrics_total"
        var values = (0..<12).map { _ in text() }
        for _ in 0..<series {
            if below(10) == 0 { name = "family\(below(30))_\(text())" }
            values[below(12)] = text()
            var labels: [(name: String, value: String)?] = below(20) == 0 ? [] : [("__name__", name)]
            for (index, value) in values.prefix(below(13)).enumerated() {
                labels.append(below(5) == 0 ? nil : ("label\(index)", value))
            }
            result.add(labels)
        }
        return result
    }

    @Test(arguments: 0..<24) func labelsComeBackAsTheyWere(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let series = [0, 1, 2, 40, 345, 2_000][seed % 6]
        var labels = labels(&random, series: series, longest: seed % 5 == 0 ? 9_000 : 200)
        let chunk = labels.builder.finish()
        #expect(chunk.plain == labels.plain, "seed \(seed)")
        #expect(chunk.seriesCount == series)
        let again = LayoutChunk(
            bytes: labels.plain.bytes, pieces: labels.plain.pieces, pieceOffsets: labels.plain.pieceOffsets)
        #expect(again?.hasSameContent(as: chunk) == true, "equal series have one code, seed \(seed)")
        #expect(again?.digest == chunk.digest)
    }

    /// Whatever a damaged file says, what comes back is what it said, or it is refused.
    @Test(arguments: 0..<40) func anyPiecesComeBackOrAreRefused(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        let bytes = (0..<below(70_000)).map { _ in UInt8(below(3)) }
        var pieces: [LayoutChunk.Piece] = []
        var offsets: [UInt32] = [0]
        var end = 0
        while end < bytes.count || offsets.count < 3 {
            end = min(bytes.count, end + below(below(50) == 0 ? 3_000 : 40))
            pieces.append(
                .init(
                    runEnd: UInt32(end), firstTargetLabel: UInt16(below(65_536)),
                    targetLabelCount: below(3) == 0 ? 0 : UInt16(below(65_536))))
            if below(3) == 0 { offsets.append(UInt32(pieces.count)) }
        }
        if offsets.last != UInt32(pieces.count) { offsets.append(UInt32(pieces.count)) }
        if seed % 4 == 3 { offsets[below(offsets.count)] = UInt32(below(pieces.count)) }
        guard let chunk = LayoutChunk(bytes: bytes, pieces: pieces, pieceOffsets: offsets) else {
            #expect(seed % 4 == 3, "seed \(seed)")
            return
        }
        // A piece without any of the target's labels is one with what follows it.
        let plain = chunk.plain
        #expect(plain.bytes == bytes, "seed \(seed)")
        #expect(chunk.seriesCount == offsets.count - 1)
        for series in 0..<chunk.seriesCount {
            let said = pieces[Int(offsets[series])..<Int(offsets[series + 1])]
            #expect(
                plain.pieces(ofSeries: series).filter { $0.targetLabelCount > 0 }
                    == said.filter { $0.targetLabelCount > 0 }, "seed \(seed)")
            #expect(plain.pieces(ofSeries: series).last?.runEnd == said.last?.runEnd)
        }
    }

    @Test func everyPartLiesInsideItsText() {
        var random = SplitMix64(seed: 7)
        for series in [1, 3, 345] {
            var labels = labels(&random, series: series, longest: 1_000)
            let code = labels.builder.finish().code
            var next = 0
            for index in 0..<series {
                let parts = code.parts(ofSeries: index)
                #expect(parts.lowerBound == next && !parts.isEmpty)
                next = parts.upperBound
                for part in parts.map(code.part) {
                    #expect(part.offset + part.length <= code.textBytes)
                    #expect(part.length <= code.mostLength && part.run < code.targetRuns.count)
                    #expect(part.offset + SeriesCode.readableBytes <= code.bytes.count)
                }
            }
            #expect(next == code.partCount)
            // A load of eight bytes at the last part, and of four at the number behind the last.
            #expect(code.partsStart + code.partCount * Int(code.partBytes) + 8 <= code.bytes.count)
            #expect(code.numbersStart + (series + 1) * Int(code.numberBytes) + 4 <= code.bytes.count)
        }
    }

    @Test func aServicesSeriesTakeThirtyBytes() {
        var labels = Labels()
        for series in 0..<345 {
            let family = series / 12
            labels.add([
                ("__name__", "standin_work\(family)_duration_seconds_bucket"), ("exporter", "17"), nil, nil,
                ("kind", "k\(family)"), ("le", "0.\(series % 12)25"), ("queue", "default"),
            ])
        }
        let plain = labels.plain
        let chunk = labels.builder.finish()
        let before = plain.bytes.count + 8 * plain.pieces.count + 4 * plain.pieceOffsets.count
        #expect(before > 345 * 120)
        #expect(chunk.heldBytes < 345 * 30)
        #expect(
            chunk.heldBytes == chunk.code.bytes.count + 4 * chunk.code.targetRuns.count,
            "no array has spare room")
    }

    /// The longest labels of a chunk, of one byte and of none that repeats: no time is lost on either.
    @Test func hostileLabelsTakeLinearTime() {
        var random = SplitMix64(seed: 3)
        for bytes in [
            [UInt8](repeating: 0x61, count: 4 << 20),
            (0..<4 << 20).map { _ in UInt8(truncatingIfNeeded: random.next()) },
        ] {
            let piece = LayoutChunk.Piece(
                runEnd: UInt32(bytes.count), firstTargetLabel: 0, targetLabelCount: 0)
            let start = ContinuousClock.now
            let chunk = LayoutChunk(bytes: bytes, pieces: [piece], pieceOffsets: [0, 1])
            // A debug build takes a second; a quadratic one would take days.
            #expect(ContinuousClock.now - start < .seconds(60))
            #expect(chunk?.plain.bytes == bytes)
        }
    }

    @Test func familiesOfSeriesThatAreNotThereAreNotAdded() throws {
        var labels = Labels()
        labels.add([("__name__", "up")])
        let chunk = labels.builder.finish()
        let good = try #require(
            ChunkMetadata(comments: [], runs: [.init(firstSeries: 0, offset: .max)], seriesCount: 1))
        let bad = try #require(
            ChunkMetadata(comments: [], runs: [.init(firstSeries: 1, offset: .max)], seriesCount: 2))
        #expect(chunk.adding(good).metadata == good)
        #expect(chunk.adding(good).plain == chunk.plain)
        #expect(chunk.adding(bad).metadata == nil)
    }
}
