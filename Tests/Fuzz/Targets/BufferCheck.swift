import Glibc
import Logging
import MetricModel
import Platform
import Telemetry

@testable import WriteAheadBuffer

/// Segments and cursors with good checksums and any content: what only a forger writes, or a bug. They are
/// opened, read to the end and booked, and the books close.
enum BufferCheck {
    private static let salt: UInt32 = 0x5A17_5A17
    private static let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
    private static let folder: String = {
        // Safety: the path is a literal.
        let base = unsafe access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        return "\(base)/narthex-fuzz-\(getpid())"
    }()

    /// An input is a list of steps: a byte of kind and flags, a byte of subject, two of length, the payload.
    /// Where the first byte's highest bit is set, the files are of version 2.
    static func run(_ bytes: [UInt8]) {
        do {
            let files = POSIXFiles()
            try files.makeDirectory(folder)
            for name in try files.list(folder) { try files.remove("\(folder)/\(name)") }
            let isOfVersion2 = (bytes.first ?? 0) & 0x80 != 0
            let made = make(bytes)
            for (name, content) in made {
                try write(isOfVersion2 ? ofVersion2(content) : content, name, files)
            }
            let number = made.compactMap { BufferFileName.segmentNumber($0.name) }.max() ?? 0
            let buffer = try open(files)
            let reader = try buffer.openDestination("d").reader
            let sent = reader.sent
            precondition(sent.count <= InFlightSize.mostRequests, "no more than a window ever has in flight")
            let named = buffer.currentSegments.map(\.segment) + sent.values.compactMap { $0.end?.segment }
            precondition(
                named.allSatisfy { $0 <= number + BufferPosition.mostSegmentsLost + 1 },
                "no cursor leads far beyond the last segment")
            var covers: [Range<BufferPosition>] = []
            while let stored = try reader.next() {
                precondition(stored.frame.contradiction == nil, "a frame that is read is a good one")
                for request in sent.values {
                    let held = reader.samples(of: request, in: stored)
                    precondition(held.allSatisfy { $0.upperBound <= stored.frame.sampleCount }, "its samples")
                }
                covers += stored.open.map { stored.cover($0) }
            }
            if !covers.isEmpty {
                // The last first, as answers come in any order.
                try reader.willSend([9: SentRequest(spans: covers)], replacing: sent.keys.sorted())
                let outcome: Outcomes = ["j": JobOutcome(delivered: 1)]
                try reader.answered([], ranges: [covers[covers.count - 1]], outcome: outcome)
                try reader.answered([9], ranges: covers, outcome: outcome)
            }
            for (_, jobs) in buffer.ledger().destinations {
                for (_, job) in jobs where job.scraped < SampleCount.limit {
                    precondition(
                        job.scraped == job.delivered + job.dropped.values.reduce(0, +) + job.buffered,
                        "the books close")
                }
            }
            try buffer.close()
        } catch {
            // A file that is refused is an answer.
        }
    }

    private static func open(_ files: POSIXFiles) throws -> WriteAheadBuffer {
        try WriteAheadBuffer(
            BufferConfiguration(directory: folder, segmentSizeBytes: 1 << 20, reserveBytes: 0),
            interner: LayoutInterner(), clock: SystemClock(), files: files, registry: MetricRegistry(),
            logger: logger, salts: { salt })
    }

    private static func write(_ content: [UInt8], _ name: String, _ files: POSIXFiles) throws {
        let file = try files.open("\(folder)/\(name)", .create)
        // Safety: bytes have no padding.
        try unsafe files.write(content.span.bytes, to: file, at: 0)
        try files.close(file)
    }

    private static func make(_ bytes: [UInt8]) -> [(name: String, content: [UInt8])] {
        var number: UInt64 = 1
        var segment = start(.segment, number)
        let cursorName = BufferFileName.cursor("d")
        var cursor = start(.cursorLog, BufferFileName.hash("d"))
        var result: [(String, [UInt8])] = []
        var hasCursor = false
        var rest = bytes[...]
        while rest.count >= 4 {
            let head = Array(rest.prefix(4))
            rest = rest.dropFirst(4)
            let payload = rest.prefix(Int(head[2]) | Int(head[3]) << 8)
            rest = rest.dropFirst(payload.count)
            let kind = head[0] & 7
            if kind == 5 {
                result.append((BufferFileName.segment(number), segment.bytes))
                number += 1
                segment = start(.segment, number)
            } else if let type = RecordType(rawValue: kind < 5 ? kind + 1 : kind + 10) {
                if kind > 5 {
                    hasCursor = true
                    put(type, 0, 0, payload, into: &cursor)
                } else {
                    put(type, head[0] >> 3 & 3, UInt32(head[1]), payload, into: &segment)
                }
            }
        }
        result.append((BufferFileName.segment(number), segment.bytes))
        if hasCursor { result.append((cursorName, cursor.bytes)) }
        return result
    }

    /// A file with version 2 in both copies of its header.
    static func ofVersion2(_ file: [UInt8]) -> [UInt8] {
        var file = file
        for copy in [0, FileHeader.copyBytes] {
            file[copy + 8] = 2
            // Safety: bytes have no padding.
            let sum = unsafe CRC32C.checksum(file.span.bytes.extracting(copy..<copy + 36))
            for index in 0..<4 {
                file[copy + 36 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index))
            }
        }
        return file
    }

    private static func start(_ kind: FileHeader.Kind, _ number: UInt64) -> RecordBuffer {
        var buffer = RecordBuffer()
        let features = kind == .segment ? FileHeader.isDense : 0
        FileHeader(kind: kind, features: features, salt: salt, number: number, createdMs: 1_000)
            .put(into: &buffer)
        return buffer
    }

    private static func put(
        _ type: RecordType, _ flags: UInt8, _ subject: UInt32, _ payload: ArraySlice<UInt8>,
        into buffer: inout RecordBuffer
    ) {
        let start = buffer.begin(type, flags: flags, subject: subject)
        for byte in payload { buffer.putByte(byte) }
        buffer.end(start, salt: salt)
    }

    // MARK: seeds

    /// Writes what a real buffer holds as inputs: whole, and record by record.
    static func writeSeeds(to path: String) {
        do {
            var whole: [UInt8] = []
            for file in try written() { whole += steps(file.content) }
            try write(seed: whole, to: "\(path)/written")
        } catch {
            preconditionFailure("the buffer's seeds cannot be written: \(error)")
        }
    }

    /// Puts an input where the fuzzer finds it.
    static func write(seed: [UInt8], to path: String) throws {
        let files = POSIXFiles()
        let file = try files.open(path, .create)
        // Safety: bytes have no padding.
        try unsafe files.write(seed.span.bytes, to: file, at: 0)
        try files.close(file)
    }

    /// The files that a real buffer has written, in the order of their names.
    static func written() throws -> [(name: String, content: [UInt8])] {
        let files = POSIXFiles()
        try files.makeDirectory(folder)
        for name in try files.list(folder) { try files.remove("\(folder)/\(name)") }
        let buffer = try open(files)
        let reader = try buffer.openDestination("d").reader
        for frame in SeedFrames.all { try buffer.append(frame) }
        var number: UInt64 = 0
        while let stored = try reader.next() {
            number += 1
            let covers = stored.open.map { stored.cover($0) }
            try reader.willSend([number: SentRequest(spans: covers)])
            // Every second one has an answer.
            guard number % 2 == 0 else { continue }
            try reader.answered([number], ranges: covers, outcome: ["j": JobOutcome(delivered: 3)])
        }
        try buffer.close()
        var made: [(String, [UInt8])] = []
        for name in try files.list(folder).sorted() where name != BufferFileName.lock {
            made.append((name, try files.contents(of: "\(folder)/\(name)", limitBytes: 1 << 20)))
        }
        return made
    }

    /// Each record of a file: its type, its flags and its payload.
    static func records(_ file: [UInt8]) -> [(header: RecordHeader, payload: [UInt8])] {
        var result: [(RecordHeader, [UInt8])] = []
        var place = FileHeader.sizeBytes
        while let header = RecordHeader(file.span, at: place, salt: salt) {
            let first = place + RecordHeader.sizeBytes
            result.append((header, Array(file[first..<first + header.payloadBytes])))
            place += header.recordBytes
        }
        return result
    }

    /// The records of a file as steps.
    private static func steps(_ file: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (header, payload) in records(file) {
            let kind = header.type.rawValue < 6 ? header.type.rawValue - 1 : header.type.rawValue - 10
            let size = header.payloadBytes
            result += [kind | header.flags << 3, UInt8(truncatingIfNeeded: header.subject)]
            result += [UInt8(truncatingIfNeeded: size), UInt8(truncatingIfNeeded: size >> 8)]
            result += payload
        }
        return result
    }
}
