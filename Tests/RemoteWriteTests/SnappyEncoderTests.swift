import MetricModel
import Platform
import Testing

@testable import RemoteWrite

#if canImport(Glibc)
import Glibc
#endif

@Suite struct SnappyEncoderTests {
    /// The block of `bytes`, made twice: where the process may read and write nothing behind input and
    /// output, and where it may read and write nothing in front of them.
    private func encode(_ bytes: [UInt8], with encoder: borrowing SnappyEncoder = SnappyEncoder()) -> [UInt8]
    {
        let block = encode(bytes, with: encoder, beforeFence: true)
        #expect(encode(bytes, with: encoder, beforeFence: false) == block)
        return block
    }

    private func encode(
        _ bytes: [UInt8], with encoder: borrowing SnappyEncoder, beforeFence: Bool
    ) -> [UInt8] {
        let input = FencedMemory(bytes.count, beforeFence: beforeFence)
        let output = FencedMemory(SnappyEncoder.room(for: bytes.count), beforeFence: beforeFence)
        // Safety: both have the room, and live to the end of this function.
        unsafe bytes.withUnsafeBytes { source in
            if let address = source.baseAddress {
                unsafe input.start.copyMemory(from: address, byteCount: source.count)
            }
        }
        let length = unsafe encoder.encode(input.start, count: bytes.count, to: output.start)
        defer { withExtendedLifetime((input, output)) {} }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: output.start, count: length))
    }

    @Test func shortBlocksHaveTheseBytes() {
        // A length, nothing else.
        #expect(encode([]) == [0])
        // A length, a literal of three (its length less one, in the upper six bits).
        #expect(encode([1, 2, 3]) == [3, 2 << 2, 1, 2, 3])
        // 100 bytes, a literal of one, a copy of 64 from one back, one of 35 from one back.
        #expect(
            encode([UInt8](repeating: 7, count: 100)) == [100, 0, 7, 63 << 2 | 2, 1, 0, 34 << 2 | 2, 1, 0])
        // 67 bytes behind the first are a copy of 60 and one of seven, which is near and takes two bytes:
        // no copy is shorter than four.
        #expect(encode([UInt8](repeating: 7, count: 68)) == [68, 0, 7, 59 << 2 | 2, 1, 0, 3 << 2 | 1, 1])
    }

    /// Bytes that are random, and parts of what came before at all distances, in all proportions.
    @Test(arguments: 0..<60) func blocksUncompressToWhatTheyWereMadeOf(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let count = Int.random(in: 0...(seed % 3 == 0 ? 300_000 : 3_000), using: &random)
        let alphabet: UInt8 = [2, 16, 255][Int(seed % 3)]
        let mostLiteral = [1, 20, 400, 70_000][Int(seed % 4)]
        var bytes: [UInt8] = []
        while bytes.count < count {
            for _ in 0..<Int.random(in: 0...mostLiteral, using: &random) {
                bytes.append(UInt8.random(in: 0...alphabet, using: &random))
            }
            guard !bytes.isEmpty else { continue }
            let distance = Int.random(
                in: 1...min(bytes.count, 1 << Int.random(in: 1...17, using: &random)), using: &random)
            for _ in 0..<Int.random(in: 1...200, using: &random) {
                bytes.append(bytes[bytes.count - distance])
            }
        }
        bytes.removeLast(bytes.count - count)
        let block = encode(bytes)
        let isSame = try ReferenceCodec.uncompress(block) == bytes
        #expect(isSame, "seed \(seed)")
        #expect(block.count <= count + count / 6 + 32, "seed \(seed)")
    }

    @Test(arguments: Array(0...80) + [255, 256, 257, 65_535, 65_536, 65_537, 200_000])
    func bytesWithoutAPatternGrowLittle(count: Int) throws {
        var random = SplitMix64(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        let block = encode(bytes)
        let isSame = try ReferenceCodec.uncompress(block) == bytes
        #expect(isSame)
        #expect(block.count <= count + count / 60 + 6)
    }

    /// Where copies overlap what they write, and the last ones end at the end of the input.
    @Test(arguments: 1...8) func bytesWithAPeriodUncompressToThemselves(period: Int) throws {
        for count in 0...200 {
            let bytes = (0..<count).map { UInt8($0 % period) }
            let isSame = try ReferenceCodec.uncompress(encode(bytes)) == bytes
            #expect(isSame, "\(count) bytes")
        }
    }

    /// libsnappy's pieces of 64 KiB are no border.
    @Test func copiesReachAsFarAsTheyCan() throws {
        var random = SplitMix64(seed: 3)
        for (distance, isFound) in [(40_000, true), (65_535, true), (65_536, false), (131_071, false)] {
            let part = (0..<2_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            let bytes = part + [UInt8](repeating: 7, count: distance - part.count) + part
            let block = encode(bytes)
            let isSame = try ReferenceCodec.uncompress(block) == bytes
            #expect(isSame)
            // The bytes between take three bytes in 64.
            let isSmaller = block.count < 2_000 + distance / 20 + 1_000
            #expect(isSmaller == isFound, "\(block.count) bytes at the distance \(distance)")
        }
    }

    /// A request that is made again is the same, whatever the encoder has packed meanwhile.
    @Test func aBlockDependsOnItsBytesAlone() {
        let encoder = SnappyEncoder()
        var random = SplitMix64(seed: 4)
        func words(_ count: Int) -> [UInt8] {
            (0..<count).flatMap { _ in Array("word\(UInt8.random(in: 0...50, using: &random))".utf8) }
        }
        let (one, other) = (words(20_000), words(9_000))
        let first = encode(one, with: encoder)
        _ = encode(other, with: encoder)
        #expect(encode(one, with: encoder) == first)
    }

    /// What it is for: long labels of targets are stated once, and not once in 64 KiB.
    @Test func longLabelsOfTargetsTakeFewerBytes() throws {
        let scratch = RequestScratch()
        let frames = (0..<8).map { number in
            let target = TestFrames.target([
                Label("cluster", "production-eu-west-1"), Label("container_name", "orders-api"),
                Label("instance", "10.0.\(number).\(number * 37 % 256):9100"), Label("job", "node"),
                Label(
                    "task_arn",
                    "arn:aws:ecs:eu-west-1:123456789012:task/production/"
                        + String(UInt64(number + 1) &* 0x9E37_79B9_7F4A_7C15, radix: 16)),
            ])
            let series = (0..<200).map {
                [
                    Label("__name__", "subsystem\($0 / 20)_measure\($0 / 5)_total"),
                    Label("device", "disk\($0 % 5)"),
                ]
            }
            return Frame(
                target: target, layout: Layout([TestFrames.chunk(series, target)]),
                timestampMs: 1_700_000_000_000 + Int64(number) * 137,
                values: series.indices.map { Double($0 * 7_919 * (number + 3) % 100_003) })
        }
        scratch.begin()
        _ = scratch.appendInterleaved(frames, seriesCount: 200, limitBytes: .max)
        let body = scratch.compress()
        let reference = ReferenceCodec.compress(scratch.bytes)
        #expect(try ReferenceCodec.uncompress(body) == scratch.bytes)
        #expect(
            body.count * 100 < reference.count * 92, "\(body.count) bytes, libsnappy's \(reference.count)")
    }
}

/// Memory that ends where no more may be read and written, or begins where something may.
@safe private final class FencedMemory {
    private let base: UnsafeMutableRawPointer
    private let mappedBytes: Int
    /// Where as many bytes as asked for begin.
    let start: UnsafeMutableRawPointer

    /// `beforeFence`: whether the memory ends at a page that is inaccessible; else it begins behind one.
    init(_ count: Int, beforeFence: Bool) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let whole = (count + page - 1) / page * page
        mappedBytes = page + whole + page
        // Safety: a mapping of its own; the first and the last page are taken away from it, and `start` has
        // `count` bytes between them.
        let mapped = unsafe mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED,
            unsafe mprotect(mapped, page, PROT_NONE) == 0,
            unsafe mprotect(mapped + page + whole, page, PROT_NONE) == 0
        else { preconditionFailure("there is no memory") }
        unsafe base = mapped
        unsafe start = mapped + page + (beforeFence ? whole - count : 0)
    }

    // Safety: mapped in init; nobody has `start` any more.
    deinit { unsafe munmap(base, mappedBytes) }
}
