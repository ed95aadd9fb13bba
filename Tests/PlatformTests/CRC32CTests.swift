import Platform
import Testing

struct CRC32CTests {
    struct Vector: Sendable {
        let bytes: [UInt8]
        let crc: UInt32
    }

    /// RFC 3720 appendix B.4, whose table shows the bytes of the CRC in the order they travel.
    static let vectors = [
        Vector(bytes: [UInt8](repeating: 0, count: 32), crc: 0x8A91_36AA),
        Vector(bytes: [UInt8](repeating: 0xFF, count: 32), crc: 0x62A8_AB43),
        Vector(bytes: Array(0..<32), crc: 0x46DD_794E),
        Vector(bytes: Array((0..<32).reversed()), crc: 0x113F_DB5C),
        Vector(
            bytes: [
                0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0,
                0x14, 0, 0,
                0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
            ], crc: 0xD996_3A56),
        Vector(bytes: Array("123456789".utf8), crc: 0xE306_9283),
        Vector(bytes: [], crc: 0),
    ]

    @Test(arguments: vectors) func agreesWithTheVectors(vector: Vector) {
        #expect(checksum(vector.bytes[...]) == vector.crc)
    }

    /// NARTHEX_PORTABLE runs every test without the processor's help.
    @Test func theSwitchChoosesThePortablePath() {
        if ProcessEnvironment.current["NARTHEX_PORTABLE"] != nil {
            #expect(CRC32C.path == "table")
        } else {
            #expect(["sse4.2", "armv8"].contains(CRC32C.path))
        }
    }

    @Test func continuesAtEveryCut() {
        let bytes = (0..<67).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        let whole = checksum(bytes[...])
        for cut in 0...bytes.count {
            let first = checksum(bytes[..<cut])
            #expect(checksum(bytes[cut...], from: first) == whole)
        }
    }

    @Test func agreesWithTheDefinitionAtEveryLengthAndAlignment() {
        let bytes = (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ 3) }
        for start in 0..<8 {
            for end in start...bytes.count {
                #expect(checksum(bytes[start..<end]) == Self.bitByBit(bytes[start..<end]))
            }
        }
    }

    private func checksum(_ bytes: ArraySlice<UInt8>, from crc: UInt32 = 0) -> UInt32 {
        // Safety: UInt8 has no padding, so the raw bytes are all initialised.
        unsafe CRC32C.checksum(bytes.span.bytes, from: crc)
    }

    private static func bitByBit(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return ~crc
    }
}
