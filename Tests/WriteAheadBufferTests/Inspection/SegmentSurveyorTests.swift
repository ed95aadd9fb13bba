import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct SegmentSurveyorTests {
    private let fixture: BufferFixture

    /// Four segments of some frames each.
    init() throws {
        fixture = try BufferFixture()
        fixture.segmentSizeBytes = 2_000
        let buffer = try fixture.open()
        _ = try buffer.openDestination("a")
        var value = 0.0
        while try fixture.segmentPaths.count < 4 {
            try buffer.append(fixture.frame(value))
            value += 1
        }
        try buffer.close()
    }

    private func survey() throws -> BufferSurvey {
        try BufferInspection(directory: fixture.folder.path, files: fixture.files).survey()
    }

    private func flip(_ path: String, _ place: (Int) -> Int) throws {
        var bytes = try fixture.bytes(path)
        bytes[place(bytes.count)] ^= 1
        try fixture.overwrite(path, with: bytes)
    }

    @Test func whatWasLostBesideASegmentThatIsNotThereIsNotKnown() throws {
        let paths = try fixture.segmentPaths
        try flip(paths[1]) { $0 / 2 }
        #expect(try !survey().mayHaveLostMore)
        try POSIXFiles().remove(paths[2])
        let found = try survey()
        #expect(found.isDamaged && found.mayHaveLostMore)
    }

    @Test func withoutBooksNothingIsToldOfWhatTheyHeld() throws {
        for path in try fixture.segmentPaths.prefix(2) {
            try flip(path) { _ in FileHeader.sizeBytes + RecordHeader.sizeBytes + 4 }
        }
        let found = try survey()
        #expect(found.isDamaged && found.lost.isEmpty && found.mayHaveLostMore)
    }
}
