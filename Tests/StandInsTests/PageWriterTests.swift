import Testing

@testable import StandIns

struct PageWriterTests {
    private func text(_ fill: (inout PageWriter) -> Void) -> String {
        String(decoding: PageWriter.page(roomBytes: 64, fill), as: UTF8.self)
    }

    @Test(
        arguments: [
            0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 12_345, 100_000, 1 << 32, 9_999_999_999, .max - 1,
            .max,
        ] as [UInt64])
    func numbersAreThoseOfTheStandardLibrary(number: UInt64) {
        #expect(text { $0.append(decimal: number) } == "\(number)")
        let decimals = { (digits: Int, divisor: UInt64) in
            let rest = String(number % divisor)
            return "\(number / divisor)." + String(repeating: "0", count: digits - rest.count) + rest
        }
        #expect(text { $0.append(fixed: number, divisor: 100) } == decimals(2, 100))
        #expect(text { $0.append(fixed: number, divisor: 1_000) } == decimals(3, 1_000))
    }

    @Test func protobufNumbersAreAsTheEncodingPrescribes() {
        // 300 is the example of protobuf.dev/programming-guides/encoding.
        #expect(PageWriter.page(roomBytes: 8) { $0.append(varint: 300) } == [0xAC, 0x02])
        #expect(PageWriter.page(roomBytes: 8) { $0.append(varint: 0) } == [0])
        #expect(PageWriter.page(roomBytes: 8) { $0.append(varint: 127) } == [0x7F])
        // 1.5 is 0x3FF8000000000000, the lowest byte first.
        #expect(PageWriter.page(roomBytes: 8) { $0.append(double: 1.5) } == [0, 0, 0, 0, 0, 0, 0xF8, 0x3F])
    }

    @Test(arguments: [0, 1, 127, 128, 129, 16_383, 16_384, 70_000])
    func aLengthStandsInFrontOfWhatItCounts(count: Int) {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let expected = PageWriter.page(roomBytes: count + 8) { writer in
            writer.append(7)
            writer.append(varint: UInt64(count))
            writer.append(content.span)
            writer.append(9)
        }
        let found = PageWriter.page(roomBytes: count + 8) { writer in
            writer.append(7)
            writer.appendDelimited { $0.append(content.span) }
            writer.append(9)
        }
        #expect(found == expected)
    }

    @Test func moreThanTheRoomEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            _ = PageWriter.page(roomBytes: 3) { $0.append(decimal: 1_000) }
        }
        await #expect(processExitsWith: .failure) {
            _ = PageWriter.page(roomBytes: 7) { $0.append(double: 1) }
        }
        await #expect(processExitsWith: .failure) {
            _ = PageWriter.page(roomBytes: 128) { writer in
                writer.appendDelimited { for _ in 0..<127 { $0.append(1) } }
                writer.append(1)
            }
        }
    }
}
