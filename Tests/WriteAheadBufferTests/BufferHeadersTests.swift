import Platform
import Testing

@testable import WriteAheadBuffer

struct BufferHeadersTests {
    /// A buffer with three segments and two cursors.
    private func made() throws -> BufferFixture {
        let fixture = try BufferFixture()
        fixture.segmentSizeBytes = 1
        let buffer = try fixture.open()
        for name in ["a", "b"] { _ = try buffer.openDestination(name) }
        while try fixture.segmentPaths.count < 3 { try buffer.append(fixture.frame(1)) }
        try buffer.close()
        return fixture
    }

    private func headers(_ fixture: BufferFixture) throws -> BufferHeaders {
        let before = try fixture.snapshot()
        let headers = try BufferHeaders(directory: fixture.folder.path, files: fixture.files)
        let after = try fixture.snapshot()
        #expect(before == after, "looking changes nothing")
        #expect(fixture.files.openCount == 0)
        return headers
    }

    @Test func everyFileHasAVersion() throws {
        let fixture = try made()
        #expect(try headers(fixture) == BufferHeaders(counts: [3: 5]))
        let path = try #require(fixture.segmentPaths.first)
        try fixture.overwrite(path, with: VersionTwoFiles.withVersion(2, fixture.bytes(path)))
        #expect(try headers(fixture) == BufferHeaders(counts: [2: 1, 3: 4]))
    }

    /// Another process has the lock, and files that are no part of the buffer say nothing.
    @Test func aDirectoryInUseIsLookedAt() throws {
        let fixture = try made()
        let buffer = try fixture.open()
        for name in ["notes.txt", "1.segment", "00000000000000000001.segment.new"] {
            try fixture.overwrite("\(fixture.folder.path)/\(name)", with: [1, 2, 3])
        }
        try fixture.overwrite("\(fixture.folder.path)/\(BufferFileName.segment(90))", with: [])
        let headers = try BufferHeaders(directory: fixture.folder.path, files: POSIXFiles())
        #expect(headers == BufferHeaders(counts: [3: 6]))
        try buffer.close()
    }

    @Test(arguments: [
        (9 as UInt8, 0 as UInt8, "has format version 9, and this version of Narthex reads none above 3"),
        (3, 0x41, "has features that this version of Narthex does not know (bits 65)"),
        (3, 0x40, "has features that this version of Narthex does not know (bits 64)"),
    ])
    func whatIsNotReadIsNamed(version: UInt8, features: UInt8, words: String) throws {
        let fixture = try made()
        let path = "\(fixture.folder.path)/\(BufferFileName.cursor("a"))"
        let other = VersionTwoFiles.withVersion(version, features: features, try fixture.bytes(path))
        try fixture.overwrite(path, with: other)
        #expect(try headers(fixture) == BufferHeaders(counts: [3: 4], refused: ["\(path) \(words)"]))
        let error = #expect(throws: BufferError.self) { _ = try fixture.open() }
        #expect(error?.message.hasPrefix("\(path) \(words): run the version that wrote it") == true)
    }

    @Test func aDamagedHeaderIsNamed() throws {
        let fixture = try made()
        let paths = try fixture.segmentPaths
        func damage(_ path: String, at places: [Int]) throws {
            var bytes = try fixture.bytes(path)
            for place in places { bytes[place] ^= 0x10 }
            try fixture.overwrite(path, with: bytes)
        }
        try damage(paths[0], at: [20, 60])
        try damage(paths[1], at: [60])
        let cursor = "\(fixture.folder.path)/\(BufferFileName.cursor("a"))"
        try fixture.overwrite(cursor, with: Array(try fixture.bytes(cursor)[..<39]))
        // A segment under the name of another.
        try fixture.overwrite(
            "\(fixture.folder.path)/\(BufferFileName.segment(90))", with: try fixture.bytes(paths[2]))
        #expect(
            try headers(fixture)
                == BufferHeaders(
                    counts: [3: 3],
                    damaged: [
                        BufferFileName.segment(1), BufferFileName.segment(90), BufferFileName.cursor("a"),
                    ], halfDamaged: [BufferFileName.segment(2)]))
    }

    @Test func aFileThatCannotBeReadThrowsAndOneThatIsGoneDoesNot() throws {
        let fixture = try made()
        for operation in [FaultyFiles.Operation.open, .read] {
            fixture.files.fail { met, _ in met == operation ? .init(errno: 13) : nil }
            #expect(throws: FileError.self) {
                _ = try BufferHeaders(directory: fixture.folder.path, files: fixture.files)
            }
            // Meanwhile an agent has removed what was listed.
            fixture.files.fail { met, _ in met == operation && met == .open ? .init(errno: 2) : nil }
            let found = operation == .open ? [:] : [3: 5] as [UInt32: Int]
            #expect(
                try BufferHeaders(directory: fixture.folder.path, files: fixture.files).counts == found)
            fixture.files.fail(nil)
        }
    }
}
