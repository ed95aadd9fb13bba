import MetricModel
import Platform
import Testing

@testable import WriteAheadBuffer

/// Segments whose checksums are right and which no agent has written.
struct SegmentSurveyorTests {
    private static let salt: UInt32 = 7
    private let folder: TemporaryFolder
    private let target = TestFrames.target()

    init() throws { folder = try TemporaryFolder() }

    /// A segment with these records behind its books.
    private func write(_ fill: (inout RecordBuffer) -> Void) throws {
        var buffer = RecordBuffer()
        FileHeader(kind: .segment, features: FileHeader.isDense, salt: Self.salt, number: 1, createdMs: 0)
            .put(into: &buffer)
        let books = buffer.begin(.ledger)
        LedgerRecord().put(into: &buffer)
        buffer.end(books, salt: Self.salt)
        fill(&buffer)
        let files = POSIXFiles()
        let path = "\(folder.path)/\(BufferFileName.segment(1))"
        try files.replace(path, with: buffer.bytes)
    }

    private func state(chunk number: UInt32, series: Int, _ buffer: inout RecordBuffer) {
        var scratch = RecordBuffer()
        StatementCoding.putRecords(
            of: TestFrames.chunk("c\(number)_", count: series), number: number, salt: Self.salt,
            scratch: &scratch, into: &buffer)
    }

    private func state(layout number: UInt32, of chunks: [UInt32], _ buffer: inout RecordBuffer) {
        let start = buffer.begin(.layout, subject: number)
        StatementCoding.put(layout: chunks, into: &buffer)
        buffer.end(start, salt: Self.salt)
    }

    private func state(target number: UInt32, _ buffer: inout RecordBuffer) {
        let start = buffer.begin(.target, subject: number)
        StatementCoding.put(target, into: &buffer)
        buffer.end(start, salt: Self.salt)
    }

    /// A frame whose chunks have so many series each; every value is a stale marker.
    private func append(
        _ sequence: UInt32, layout: UInt32, series: [Int], before: Int, target: UInt32 = 0,
        isSelfContained: Bool = false, _ buffer: inout RecordBuffer
    ) {
        let flags = isSelfContained || sequence == 0 ? RecordHeader.selfContained : 0
        let start = buffer.begin(.frame, flags: flags, subject: target)
        FramePrefix(
            sequence: sequence, layout: layout, timestampMs: 1_000 + Int64(sequence),
            jobBefore: UInt64(before), sampleCount: UInt32(series.reduce(0, +))
        ).put(into: &buffer)
        for count in series {
            ColumnCodec.encode(
                Array(repeating: StaleMarker.value, count: count), starts: [0, UInt32(count)], base: [],
                bases: .none, into: &buffer)
        }
        buffer.end(start, salt: Self.salt)
    }

    private func look() throws -> (survey: BufferSurvey, frames: [StoredFrame]) {
        let inspection = BufferInspection(directory: folder.path, files: POSIXFiles())
        var frames: [StoredFrame] = []
        _ = try inspection.frames(from: .start(of: 1)) {
            frames.append($0)
            return true
        }
        return (try inspection.survey(), frames)
    }

    /// What a number states holds for a frame as a whole: its chunks and their series.
    @Test(arguments: [[0], [], [1, 0], [0, 1, 1]] as [[UInt32]])
    func aLayoutThatIsStatedAgainIsReadAsAWhole(again: [UInt32]) throws {
        try write { buffer in
            state(chunk: 0, series: 3, &buffer)
            state(chunk: 1, series: 2, &buffer)
            state(layout: 0, of: [0, 1], &buffer)
            state(target: 0, &buffer)
            append(0, layout: 0, series: [3, 2], before: 0, &buffer)
            state(layout: 0, of: again, &buffer)
            append(1, layout: 0, series: [3, 2], before: 5, &buffer)
        }
        let (survey, frames) = try look()
        #expect(survey.findings == [] && survey.density.samples == 10)
        #expect(frames.map(\.frame.sampleCount) == [5, 5])
    }

    /// Statements and frames in any order, of numbers that are stated again and again.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func noOrderOfRecordsIsTooOddToBeLookedAt(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var kinds: Set<BufferFinding.What> = []
        var decoded = 0
        for _ in 0..<60 {
            try write { buffer in
                var sequence: UInt32 = 0
                var series = [1, 2, 3]
                var layouts: [[UInt32]] = [[0, 1], [1, 2]]
                state(target: 0, &buffer)
                for chunk in 0..<3 { state(chunk: UInt32(chunk), series: series[chunk], &buffer) }
                for layout in 0..<2 { state(layout: UInt32(layout), of: layouts[layout], &buffer) }
                for _ in 0..<30 {
                    let chosen = generator.below(2)
                    switch generator.below(8) {
                    case 0:
                        let chunk = generator.below(3)
                        series[chunk] = generator.below(5)
                        state(chunk: UInt32(chunk), series: series[chunk], &buffer)
                    case 1, 2:
                        layouts[chosen] = (0..<generator.below(4)).map { _ in UInt32(generator.below(3)) }
                        state(layout: UInt32(chosen), of: layouts[chosen], &buffer)
                    case 3 where generator.chance(30):
                        state(target: 0, &buffer)
                        sequence = 0
                    default:
                        // Often what the number stated before.
                        let counts =
                            generator.chance(50)
                            ? layouts[chosen].map { series[Int($0)] } : chosen == 0 ? [1, 2] : [2, 3]
                        append(
                            sequence, layout: UInt32(chosen), series: counts, before: 0,
                            isSelfContained: generator.chance(30), &buffer)
                        sequence += generator.chance(95) ? 1 : 2
                    }
                }
            }
            let (survey, frames) = try look()
            decoded += frames.count
            kinds.formUnion(survey.findings.map(\.what))
        }
        let all: Set<BufferFinding.What> = [.content, .base]
        #expect(decoded > 200 && kinds.isSuperset(of: all), "seed \(seed): \(decoded) frames, \(kinds)")
    }

    /// A few bytes may state millions of values for each of many targets.
    @Test func whatAllTargetsHoldIsBounded() throws {
        try write { buffer in
            state(chunk: 0, series: 100, &buffer)
            state(layout: 0, of: Array(repeating: 0, count: 10), &buffer)
            for number in 0..<5 as Range<UInt32> {
                state(target: number, &buffer)
                append(
                    0, layout: 0, series: Array(repeating: 100, count: 10), before: 1_000 * Int(number),
                    target: number, &buffer)
            }
            // A target that is stated anew gives back what it had.
            state(target: 0, &buffer)
            append(
                0, layout: 0, series: Array(repeating: 100, count: 10), before: 5_000, target: 0, &buffer)
        }
        let findings = FindingList()
        let name = BufferFileName.segment(1)
        let file = try #require(
            ExaminedFile.open(name, in: folder.path, files: POSIXFiles(), findings) { _ in true })
        var surveyor = SegmentSurveyor(
            file, try #require(file.header), end: .file, before: nil, findings)
        surveyor.mostHeldValues = 3_500
        var decoded: [Bool] = []
        try surveyor.walk { met in
            decoded.append(met.frame != nil)
            return true
        }
        #expect(decoded == [true, true, true, false, false, true])
        #expect(findings.all.map(\.what) == [.content, .content])
    }
}
