import MetricModel
import Testing

@Suite struct ProtobufWireTests {
    @Test(arguments: [
        0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, Int.max,
    ])
    func aVarintHasTheLengthForetold(_ value: Int) {
        var bytes: [UInt8] = []
        ProtobufWire.appendVarint(UInt64(value), to: &bytes)
        #expect(bytes.count == ProtobufWire.varintLength(value))
        var offset = 0
        #expect(ProtobufWire.readVarint(bytes.span, at: &offset) == UInt64(value))
        #expect(offset == bytes.count)
    }

    @Test(
        arguments: [
            [], [0x80], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        ] as [[UInt8]])
    func aVarintThatEndsEarlyOrIsTooLargeIsRefused(_ bytes: [UInt8]) {
        var offset = 0
        #expect(ProtobufWire.readVarint(bytes.span, at: &offset) == nil)
    }

    @Test func theGreatestVarintIsRead() {
        var bytes: [UInt8] = []
        ProtobufWire.appendVarint(.max, to: &bytes)
        var offset = 0
        #expect(ProtobufWire.readVarint(bytes.span, at: &offset) == .max)
    }
}
