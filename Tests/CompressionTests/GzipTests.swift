import Testing

@testable import Compression

/// gzip made by hand, so that each of its fields can be wrong.
struct Member {
    var flags: UInt8 = 0
    /// Behind the ten bytes of the header.
    var extra: [UInt8] = []
    var content: [UInt8]
    var crc: UInt32?
    var length: UInt32?

    init(_ text: String) { content = Array(text.utf8) }

    var bytes: [UInt8] {
        // 1F 8B, method 8, flags, no time, no extra flags, system unknown.
        var bytes: [UInt8] = [0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 0xFF] + extra
        // One block that is the last and stored: its length, the complement of that, the bytes.
        let size = UInt16(content.count)
        bytes += [1, UInt8(size & 0xFF), UInt8(size >> 8), UInt8(~size & 0xFF), UInt8(~size >> 8)] + content
        for field in [crc ?? Self.crc(content), length ?? UInt32(content.count)] {
            bytes += [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: field >> $0) }
        }
        return bytes
    }

    /// RFC 1952 §8, bit by bit.
    static func crc(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1) &* 0xEDB8_8320 }
        }
    }
}

struct GzipTests {
    @Test(arguments: [0, 1, 1_000, 100_000])
    func whatIsEncodedDecodesToItself(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251 * $0) }
        let encoded = Gzip.encode(bytes.span)
        let packed = try #require(encoded)
        #expect(Gzip.announcedBytes(packed.span) == count)
        var decoded: [UInt8] = []
        try Gzip.decode(packed.span, into: &decoded, limitBytes: count + 1) { _ in true }
        #expect(decoded == bytes)
    }

    @Test func aPageOfMetricsIsATenthOfItself() throws {
        let page = (0..<1_000).map { "some_family_seconds_bucket{job=\"a\",le=\"\($0)\"} \($0 * 17)\n" }
            .joined()
        let bytes = Array(page.utf8)
        let encoded = Gzip.encode(bytes.span)
        let packed = try #require(encoded)
        #expect(packed.count * 5 < bytes.count)
    }

    /// What Python's gzip made of "up 1\n" a hundred times.
    static let packed: [UInt8] = [
        0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0x2B, 0x2D, 0x50, 0x30, 0xE4, 0x2A, 0x1D, 0x25, 0x46,
        0x12, 0x01, 0, 0xE2, 0xA9, 0xD8, 0xDD, 0xF4, 0x01, 0, 0,
    ]
    static let unpacked = Array(String(repeating: "up 1\n", count: 100).utf8)

    /// The text, or the error's sentence.
    static func decoded(
        _ packed: [UInt8], limitBytes: Int = .max, capacity: Int = 0, mayGrow: Bool = true
    ) -> Result<[UInt8], CompressionError> {
        var output: [UInt8] = []
        output.reserveCapacity(capacity)
        do throws(CompressionError) {
            try Gzip.decode(packed.span, into: &output, limitBytes: limitBytes) { _ in mayGrow }
            return .success(output)
        } catch {
            return .failure(error)
        }
    }

    static func fault(_ packed: [UInt8], limitBytes: Int = .max) -> String {
        switch decoded(packed, limitBytes: limitBytes) {
        case .success(let bytes): "\(bytes.count) bytes and no fault"
        case .failure(let error): error.message
        }
    }

    @Test func aBodyOfAnotherWriterIsRead() {
        #expect(Self.decoded(Self.packed) == .success(Self.unpacked))
        #expect(Gzip.announcedBytes(Self.packed.span) == 500)
    }

    @Test func allMembersAreRead() {
        let two = Member("a 1\n").bytes + Self.packed + Member("").bytes + Member("b 2\n").bytes
        #expect(Self.decoded(two) == .success(Array("a 1\n".utf8) + Self.unpacked + Array("b 2\n".utf8)))
    }

    @Test func theHeadersOwnFieldsArePassedOver() {
        var member = Member("a 1\n")
        member.flags = 0x1C
        member.extra = [3, 0, 7, 7, 7] + Array("name\0comment\0".utf8)
        #expect(Self.decoded(member.bytes) == .success(Array("a 1\n".utf8)))
        member.flags = 0x1E
        let header = Array(member.bytes.prefix(10 + member.extra.count))
        let crc = Member.crc(header)
        let named = member.extra
        member.extra = named + [UInt8(crc & 0xFF), UInt8(crc >> 8 & 0xFF)]
        #expect(Self.decoded(member.bytes) == .success(Array("a 1\n".utf8)))
        member.extra = named + [UInt8(~crc & 0xFF), UInt8(crc >> 8 & 0xFF)]
        #expect(Self.fault(member.bytes) == "the gzip header's own checksum does not match it")
    }

    /// A body that is cut anywhere is no body.
    @Test(arguments: [GzipTests.packed, Member("a 1\nb 2\n").bytes])
    func everyCutIsFound(whole: [UInt8]) {
        for count in 0..<whole.count {
            let result = Self.decoded(Array(whole[..<count]))
            guard case .failure(let error) = result else {
                Issue.record("cut to \(count) bytes it was read")
                continue
            }
            #expect(error.code == .damaged)
        }
        #expect(Self.fault([]) == "the body is empty, where gzip was announced")
        #expect(Self.fault(Array(whole[..<10])) == "the gzip body ends within its header")
        let cut = "the gzip body is cut: it ends before its trailer is whole"
        #expect(Self.fault(whole.dropLast()) == cut)
        #expect(Self.fault(whole.dropLast(8)) == cut)
    }

    @Test func everyFlippedBitOfTheDataIsFound() {
        for index in 10..<Self.packed.count {
            for bit in 0..<8 {
                var bytes = Self.packed
                bytes[index] ^= 1 << UInt8(bit)
                // Some bits of deflate mean nothing, such as those behind the last block.
                if case .success(let got) = Self.decoded(bytes), got != Self.unpacked {
                    Issue.record("bit \(bit) of byte \(index): \(got.count) wrong bytes were read")
                }
            }
        }
    }

    @Test func whatIsWrongIsSaid() {
        var member = Member("a 1\n")
        member.crc = 1
        #expect(
            Self.fault(member.bytes)
                == "the gzip body is damaged: its CRC-32 is not that of the decoded bytes")
        member.crc = nil
        member.length = 5
        #expect(
            Self.fault(member.bytes)
                == "the gzip body is damaged: it announces another length than it decodes to")
        let good = Member("a 1\n").bytes
        for garbage in [[0], [UInt8](repeating: 0, count: 512), Array("b 2\n".utf8), [0x1F, 0x8B]] {
            #expect(
                Self.fault(good + garbage)
                    == "\(garbage.count) bytes follow the last gzip member and are not another one")
        }
        #expect(Self.fault(Array("up 1\n".utf8)) == "the body is not the gzip it claims to be")
        #expect(Self.fault([0x1F, 0x8B, 9] + good.dropFirst(3)).contains("method 9"))
        #expect(Self.fault([0x1F, 0x8B, 8, 0x20] + good.dropFirst(4)).contains("flags that are not defined"))
    }

    @Test func theLimitCountsDecodedBytesOfAllMembers() {
        let two = Self.packed + Self.packed
        #expect(Self.decoded(two, limitBytes: 1_000) == .success(Self.unpacked + Self.unpacked))
        #expect(Self.fault(two, limitBytes: 999) == "the body decodes to more than 999 bytes")
        #expect(Self.fault(Self.packed, limitBytes: 499) == "the body decodes to more than 499 bytes")
    }

    /// A caller who has reserved what the body announces is not asked for more.
    @Test func anHonestBodyNeedsNoMoreThanItAnnounces() {
        let capacity = Gzip.announcedBytes(Self.packed.span)
        #expect(Self.decoded(Self.packed, capacity: capacity, mayGrow: false) == .success(Self.unpacked))
        let two = Self.packed + Self.packed
        guard case .failure(let error) = Self.decoded(two, capacity: capacity, mayGrow: false) else {
            Issue.record("the second member had no room")
            return
        }
        #expect(error.code == .noRoom)
    }

    @Test func aLieAboutTheLengthReservesLittle() {
        var member = Member("a 1\n")
        member.length = .max
        #expect(Gzip.announcedBytes(member.bytes.span) < 64 << 10)
        #expect(Self.fault(member.bytes).contains("another length"))
    }
}
