import Glibc
import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct BufferInspectionTests {
    /// Segments of a few frames, of two jobs and two targets, with all that a frame can have. Destination
    /// `a` has answered for some of them, `b` for none.
    private func made(
        closes: Bool = true, segmentSizeBytes: Int = 3_000
    ) throws -> (BufferFixture, [FrameContent], WriteAheadBuffer) {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = segmentSizeBytes
        let buffer = try fixture.open()
        let first = Stream(try buffer.openDestination("a"))
        _ = try buffer.openDestination("b")
        var generator = SeededGenerator(seed: 7)
        let targets = [TestFrames.target("x:1"), TestFrames.target("y:1", job: "other")]
        let chunks = [
            TestFrames.chunk("m", count: 9), TestFrames.histogramChunk("h", count: 7),
            TestFrames.incompressibleChunk(count: 3, nameBytes: 40, seed: 3),
        ]
        var before: [Frame?] = [nil, nil]
        var contents: [FrameContent] = []
        for round in 0..<12 {
            for index in targets.indices {
                fixture.clock.advance(ms: 5_000)
                let plain = TestFrames.random(
                    targets[index], chunks, at: fixture.clock.wallMs, before: before[index]?.values ?? [],
                    &generator)
                let frame = TestFrames.withSides(plain, before: before[index], &generator)
                before[index] = frame
                contents.append(FrameContent(frame))
                try buffer.append(frame)
            }
            if round == 7 {
                let frames = try (0..<3).compactMap { _ in try first.next() }
                try first.deliver(frames)
                // One that is handed out, and one in flight.
                _ = try first.next()
                if let stored = try first.next() {
                    try first.reader.willSend([9: SentRequest(spans: [stored.start..<stored.end])])
                }
            }
        }
        if closes { try buffer.close() }
        return (fixture, contents, buffer)
    }

    /// A survey, in which no byte of a segment may be missing.
    private func survey(_ fixture: BufferFixture) throws -> BufferSurvey {
        let openCount = fixture.files.openCount
        let found = try BufferInspection(directory: fixture.folder.path, files: fixture.files).survey()
        #expect(fixture.files.openCount == openCount)
        var bytes: UInt64 = 0
        for path in try fixture.segmentPaths { bytes += try fixture.files.status(path)?.length ?? 0 }
        #expect(found.density.bytes == bytes)
        return found
    }

    @Test func everyFrameIsFoundForWhoWaitsForItAndEveryByteCounted() throws {
        let (fixture, contents, buffer) = try made(closes: false)
        let ledger = buffer.ledger()
        try buffer.close()
        let before = try fixture.snapshot()
        let survey = try survey(fixture)
        #expect(try fixture.snapshot() == before, "looking changes nothing")
        #expect(survey.findings == [] && !survey.isDamaged && !survey.isUnreadable)
        #expect(survey.segments.count > 2 && survey.segments.allSatisfy { $0.version == 3 })
        #expect(survey.segments.reduce(0) { $0 + $1.held.frames } == UInt64(contents.count))
        #expect(survey.scraped == ledger.jobs)
        #expect(survey.destinations.compactMap(\.name).sorted() == ["a", "b"])
        for destination in survey.destinations {
            let name = try #require(destination.name)
            #expect(destination.books == ledger.destinations[name])
            for (job, books) in destination.books {
                #expect(destination.open[job]?.samples ?? 0 == books.buffered, "\(name) \(job)")
            }
        }
        let first = try #require(survey.destinations.first { $0.name == "a" })
        #expect(first.requests == 1)
        #expect(try #require(first.mark) > BufferPosition(segment: 1, offset: 80))
        let other = try #require(survey.destinations.first { $0.name == "b" })
        for (job, held) in survey.held { #expect(other.open[job] == held) }
        #expect(survey.held["node"]?.oldestMs == contents[0].timestampMs)
        #expect(survey.held["other"]?.newestMs == contents.last?.timestampMs)

        let density = survey.density
        #expect(density.samples == survey.held.values.reduce(0) { $0 + $1.samples })
        for part in BufferDensity.Part.allCases {
            let isLost = [.lostFrames, .damaged, .unfinished, .behindTheEnd, .metadata].contains(part)
            #expect(density[part] > 0 || isLost, "\(part)")
            #expect(density[part] == 0 || !isLost, "\(part)")
        }
        let modes = BufferDensity.Mode.allCases.map { density[$0] }
        #expect(modes.reduce(0) { $0 + $1.bytes } == density[.firstColumns] + density[.columns])
        let coded = density[.coded]
        #expect(coded.codeBytes > 0 && coded.bitmapBytes == 0 && coded.bytes > coded.codeBytes)
    }

    @Test func framesAreGivenAsTheyWereAppendedFromAPlaceOn() throws {
        let (fixture, contents, _) = try made()
        let inspection = BufferInspection(directory: fixture.folder.path, files: fixture.files)
        var frames: [StoredFrame] = []
        #expect(
            try inspection.frames(from: .start(of: 1)) {
                frames.append($0)
                return true
            } == [])
        #expect(frames.map { FrameContent($0.frame) } == contents)
        #expect(frames.map(\.start) == frames.map(\.start).sorted())
        let later = try #require(frames.dropFirst(17).first)
        var some: [FrameContent] = []
        _ = try inspection.frames(from: later.start) {
            some.append(FrameContent($0.frame))
            return some.count < 4
        }
        #expect(some == Array(contents[17..<21]))
    }

    @Test func theProcessThatWritesIsNamedAndItsUnfinishedWriteIsNoDamage() throws {
        let (fixture, _, buffer) = try made(closes: false)
        #expect(try survey(fixture).process.map { Int32($0) } == getpid())
        let path = try #require(fixture.segmentPaths.last)
        let whole = try fixture.bytes(path)
        // A part of a record that is there already stands in for one that is being written.
        let torn = Array(whole[80..<110])
        try fixture.overwrite(path, with: whole + torn)
        let found = try survey(fixture)
        #expect(!found.isDamaged)
        #expect(found.density[.unfinished] == 30)
        let name = BufferFileName.segment(try #require(found.segments.last?.number))
        #expect(
            found.findings == [
                BufferFinding(what: .unfinished, file: name, offset: UInt64(whole.count), bytes: 30)
            ])
        // The rest of a write that failed, where the next segment says that this one has ended.
        let earlier = try #require(fixture.segmentPaths.first)
        try fixture.overwrite(path, with: whole)
        try fixture.overwrite(earlier, with: try fixture.bytes(earlier) + torn)
        let behind = try survey(fixture)
        #expect(behind.findings == [] && behind.density[.behindTheEnd] == 30)
        try buffer.close()
    }

    /// Bytes of every file in turn, one bit of each: what is wrong is named where it is. (`chance(100)` tries
    /// every byte, in some minutes.)
    @Test func everyFlippedBitIsNamedAtItsPlace() throws {
        let (fixture, _, _) = try made()
        let snapshot = try fixture.snapshot()
        let whole = try survey(fixture)
        let last = snapshot.keys.filter { BufferFileName.segmentNumber($0) != nil }.max()
        var generator = SeededGenerator(seed: 11)
        var kinds: Set<BufferFinding.What> = []
        for (name, bytes) in snapshot.sorted(by: { $0.key < $1.key })
        where BufferFileName.segmentNumber(name) != nil || BufferFileName.isCursor(name) {
            let path = "\(fixture.folder.path)/\(name)"
            // More of the headers and of what stands first.
            for place in bytes.indices where generator.chance(place < 110 ? 40 : 5) {
                var flipped = bytes
                flipped[place] ^= 1 << UInt8(generator.below(8))
                try fixture.overwrite(path, with: flipped)
                let found = try survey(fixture)
                let at = found.findings.first { finding in
                    finding.file == name && finding.offset <= UInt64(place)
                        && UInt64(place) < finding.offset + finding.bytes
                }
                guard let at else {
                    Issue.record("\(name) \(place): \(found.findings)")
                    continue
                }
                kinds.insert(at.what)
                #expect(found.isDamaged == found.findings.contains { $0.what.isDamage })
                #expect(found.isDamaged || at.what == .unfinished, "\(name) \(place)")
                if BufferFileName.isCursor(name) {
                    #expect(found.density == whole.density && found.findings.count == 1)
                } else if name != last {
                    // All samples are found or missed. Of the last segment no books tell.
                    let lost = found.findings.reduce(UInt64(0)) { $0 + ($1.samples ?? 0) }
                    #expect(found.density.samples + lost == whole.density.samples, "\(name) \(place)")
                    #expect(found.lost.values.reduce(0, +) == lost && found.absent.isEmpty)
                    // The books that the first segment begins with, no other has told.
                    let areBooks = name == BufferFileName.segment(1) && at.offset == FileHeader.sizeBytes
                    #expect(found.mayHaveLostMore == areBooks, "\(name) \(place)")
                } else if found.findings.contains(where: { $0.what == .checksum }) {
                    #expect(found.mayHaveLostMore, "\(name) \(place)")
                }
            }
            try fixture.overwrite(path, with: bytes)
        }
        #expect(kinds.isSuperset(of: [.headerCopy, .record, .checksum, .unfinished]), "\(kinds)")
    }

    /// Records with right checksums, and bytes of their payloads changed.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func noRecordIsTooOddToBeLookedAt(seed: UInt64) throws {
        let (fixture, _, _) = try made()
        var generator = SeededGenerator(seed: seed)
        let salt: UInt32 = 0x5A17_5A17
        let names = try fixture.snapshot().filter { $0.key.hasSuffix(".segment") || $0.key.hasSuffix(".log") }
            .sorted { $0.key < $1.key }
        let inspection = BufferInspection(directory: fixture.folder.path, files: fixture.files)
        var kinds: Set<BufferFinding.What> = []
        for _ in 0..<150 {
            let (name, whole) = names[generator.below(names.count)]
            var bytes = whole
            var records: [(place: Int, payload: Int)] = []
            var place = FileHeader.sizeBytes
            while let header = RecordHeader(whole.span, at: place, salt: salt) {
                records.append((place, header.payloadBytes))
                place += header.recordBytes
            }
            let (start, payload) = records[generator.below(records.count)]
            for _ in 0...generator.below(3) where payload > 0 {
                let changed = start + RecordHeader.sizeBytes + generator.below(payload)
                bytes[changed] = generator.chance(50) ? 0xFF : UInt8(generator.below(256))
            }
            let end = start + RecordHeader.sizeBytes + payload
            // Safety: bytes have no padding.
            let sum = unsafe CRC32C.checksum(bytes.span.bytes.extracting(start..<end), from: salt)
            for index in 0..<4 { bytes[end + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
            let path = "\(fixture.folder.path)/\(name)"
            try fixture.overwrite(path, with: bytes)
            kinds.formUnion(try survey(fixture).findings.map(\.what))
            _ = try inspection.frames(from: .start(of: 1)) { stored in
                _ = (0..<stored.frame.layout.seriesCount).map {
                    stored.frame.layout.labels(ofSeries: $0, target: stored.frame.target)
                }
                return true
            }
            try fixture.overwrite(path, with: whole)
        }
        #expect(kinds.isSuperset(of: [.content, .base, .missing]), "\(kinds)")
    }

    @Test func aBadEndOfABufferThatWasClosedInOrderIsDamage() throws {
        let (fixture, _, _) = try made()
        let path = try #require(fixture.segmentPaths.last)
        let status = try #require(try fixture.files.status(path))
        var bytes = try fixture.bytes(path)
        bytes[bytes.count - 1] ^= 4
        try fixture.overwrite(path, with: bytes)
        #expect(try survey(fixture).findings.map(\.what) == [.unfinished])
        // A disk on which it rots changes no times.
        fixture.files.setStatus(status, of: path)
        #expect(try survey(fixture).findings.first?.what == .checksum)
    }

    @Test(arguments: [0, 1])
    func aFileThatIsCutIsNamedAtItsEnd(index: Int) throws {
        let (fixture, _, _) = try made()
        let path = try fixture.segmentPaths[index]
        let name = BufferFileName.segment(UInt64(index + 1))
        let bytes = try fixture.bytes(path)
        let whole = try survey(fixture)
        for length in stride(from: 0, to: bytes.count, by: 7) {
            try fixture.overwrite(path, with: Array(bytes[..<length]))
            let found = try survey(fixture)
            guard length > 0 else {
                // Nobody knows what stood in the first one.
                #expect(found.isDamaged == (index > 0))
                continue
            }
            #expect(found.isDamaged, "\(length)")
            let what = length < FileHeader.copyBytes ? BufferFinding.What.header : .cut
            let end = found.findings.first { $0.file == name && $0.what == what }
            #expect(end?.offset == (what == .header ? 0 : UInt64(length)), "\(length)")
            guard length >= 300 else { continue }
            let missing = found.findings.reduce(0) { $0 + ($1.what == .missing ? $1.samples ?? 0 : 0) }
            #expect(found.density.samples + missing == whole.density.samples, "\(length)")
        }
    }

    @Test func whatASegmentHeldThatIsNotThereIsNoDamage() throws {
        let (fixture, _, _) = try made()
        let held = try #require(survey(fixture).segments.dropFirst().first?.held.samples)
        try POSIXFiles().remove(try fixture.segmentPaths[1])
        let found = try survey(fixture)
        #expect(!found.isDamaged && Set(found.findings.map(\.what)) == [.absent])
        #expect(found.findings.reduce(0) { $0 + ($1.samples ?? 0) } == held)
        #expect(found.absent.values.reduce(0, +) == held && found.lost.isEmpty && !found.mayHaveLostMore)
    }

    @Test func theEndOfACursorMayBeTornAndItsMiddleMayNot() throws {
        let (fixture, _, _) = try made()
        let name = BufferFileName.cursor("a")
        let path = "\(fixture.folder.path)/\(name)"
        // Long enough to have changes behind the first record.
        let buffer = try fixture.open()
        let stream = Stream(try buffer.openDestination("a"))
        _ = try buffer.openDestination("b")
        for _ in 0..<3 { try stream.deliver(try [stream.next()].compactMap { $0 }) }
        let bytes = try fixture.bytes(path)
        try fixture.overwrite(path, with: Array(bytes.dropLast(3)))
        var found = try survey(fixture)
        #expect(found.findings.map(\.what) == [.unfinished] && found.findings.first?.file == name)
        #expect(!found.isDamaged)
        var damaged = bytes
        damaged[bytes.count - 60] ^= 1
        try fixture.overwrite(path, with: damaged)
        found = try survey(fixture)
        #expect(found.isDamaged && found.findings.count == 1)
        // The first record is durable before the log has its name.
        try fixture.overwrite(path, with: Array(bytes[..<100]))
        found = try survey(fixture)
        #expect(found.isDamaged && found.findings.first?.offset == 80)
        #expect(found.destinations.first { $0.file == name }?.name == nil)
        try fixture.overwrite(path, with: bytes)
        try buffer.close()
    }

    @Test func whatIsOfAnotherVersionOrRefusedByTheDiskIsUnreadable() throws {
        let (fixture, _, _) = try made()
        let path = try fixture.segmentPaths[1]
        let bytes = try fixture.bytes(path)
        try fixture.overwrite(path, with: VersionTwoFiles.withVersion(9, bytes))
        var found = try survey(fixture)
        #expect(found.isUnreadable)
        #expect(
            found.findings.first { $0.what == .unreadable }?.reason?.contains("has format version 9") == true)
        try fixture.overwrite(path, with: VersionTwoFiles.withVersion(2, bytes))
        found = try survey(fixture)
        #expect(found.findings == [] && found.segments[1].version == 2)
        fixture.files.spoil(path, 500..<501)
        found = try survey(fixture)
        #expect(found.isUnreadable && found.findings.contains { $0.reason?.contains("on cue") == true })
        #expect(found.segments.count > 2 && found.segments.last.map { $0.held.frames > 0 } == true)
    }

    @Test func aFileThatIsGoneMeanwhileIsLeftOut() throws {
        let (fixture, _, _) = try made()
        let path = try fixture.segmentPaths[0]
        let cursor = "\(fixture.folder.path)/\(BufferFileName.cursor("b"))"
        fixture.files.fail { operation, met in
            operation == .open && (met == path || met == cursor) ? .init(errno: 2) : nil
        }
        let found = try BufferInspection(directory: fixture.folder.path, files: fixture.files).survey()
        #expect(found.findings == [] && found.segments.first?.number == 2)
        #expect(found.destinations.map(\.name) == ["a"])
    }

    /// An agent whose destination is back removes several segments at once, all behind the one that is read.
    @Test func segmentsThatAreRemovedMeanwhileAreNotMissed() throws {
        let (fixture, _, _) = try made(segmentSizeBytes: 1_500)
        let paths = try fixture.segmentPaths
        try #require(paths.count >= 5)
        // The rest of a failed write, which only the next segment's books tell apart.
        try fixture.overwrite(paths[1], with: try fixture.bytes(paths[1]) + [1, 2, 3])
        fixture.files.fail { operation, met in
            guard operation == .open, met == paths[1] else { return nil }
            // Whether they have gone is looked at below.
            for path in paths[2...3] { try? POSIXFiles().remove(path) }
            return nil
        }
        let found = try survey(fixture)
        #expect(!found.isDamaged && found.findings.allSatisfy { $0.what == .unfinished }, "\(found.findings)")
        #expect(found.segments.map(\.number) == [1, 2] + (5...UInt64(paths.count)))
        #expect(try fixture.segmentPaths.count == paths.count - 2)
    }

    /// The keeper writes entries of the index while it runs, too; those have no books of the end.
    @Test func onlyASegmentThatWasClosedInOrderEndsWithItsFile() throws {
        let (fixture, _, _) = try made()
        let path = try #require(fixture.segmentPaths.last)
        let index = "\(fixture.folder.path)/\(BufferFileName.index)"
        let entries = SegmentIndex.read(fixture.folder.path, files: fixture.files)
        try #require(entries.values.contains { $0.end != nil })
        let status = try #require(try fixture.files.status(path))
        var bytes = try fixture.bytes(path)
        bytes[bytes.count - 1] ^= 4
        try fixture.overwrite(path, with: bytes)
        fixture.files.setStatus(status, of: path)
        #expect(try survey(fixture).isDamaged)
        // Without the books of the end.
        let whole = try fixture.bytes(index)
        var kept = Array(whole[..<FileHeader.sizeBytes])
        var place = FileHeader.sizeBytes
        while let header = RecordHeader(whole.span, at: place, salt: 0x5A17_5A17) {
            if header.type != .ledger { kept += whole[place..<place + header.recordBytes] }
            place += header.recordBytes
        }
        try fixture.overwrite(index, with: kept)
        #expect(SegmentIndex.read(fixture.folder.path, files: fixture.files).count == entries.count)
        let found = try survey(fixture)
        #expect(!found.isDamaged && found.findings.map(\.what) == [.unfinished])
    }
}
