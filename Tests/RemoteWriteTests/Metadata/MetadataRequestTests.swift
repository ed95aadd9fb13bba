import CPrompb
import CProtobufC
import MetricModel
import Testing

@testable import RemoteWrite

@Suite struct MetadataRequestTests {
    @Test func familiesHaveTheseBytes() {
        let families = [
            MetricMetadata(family: "up", kind: .gauge, help: "Whether.", unit: "s"),
            MetricMetadata(family: "x"),
        ]
        let golden: [UInt8] =
            [0x1A, 19]  // WriteRequest.metadata = 3, 19 bytes
            + [0x08, 2]  // MetricMetadata.type = 1: GAUGE
            + [0x12, 2] + Array("up".utf8)  // metric_family_name = 2
            + [0x22, 8] + Array("Whether.".utf8)  // help = 4
            + [0x2A, 1] + Array("s".utf8)  // unit = 5
            + [0x1A, 3, 0x12, 1] + Array("x".utf8)
        #expect(MetadataRequest.pack(families[...]) == golden)
    }

    @Test func protobufCReadsAndPacksTheSame() throws {
        let families = (0..<8).map { number in
            MetricMetadata(
                family: "f\(number)é", kind: MetricMetadata.Kind(rawValue: UInt8(number)) ?? .unknown,
                help: number.isMultiple(of: 2) ? String(repeating: "h", count: 300 * number) : "",
                unit: number > 4 ? "seconds" : "")
        }
        let bytes = MetadataRequest.pack(families[...])
        #expect(try ReferenceCodec.unpackMetadata(bytes) == families)
        #expect(try ReferenceCodec.packedAgain(bytes) == bytes)
    }

    @Test func batchesHaveTheirLimits() {
        let families = (0..<10).map {
            MetricMetadata(family: "f\($0)", help: String(repeating: "h", count: 66))
        }
        func batches(_ count: Int, _ bytes: Int) -> [[MetricMetadata]] {
            var batches: [[MetricMetadata]] = []
            var left = families[...]
            while !left.isEmpty, batches.count < 20 {
                let batch = MetadataRequest.first(of: left, count: count, limitBytes: bytes)
                batches.append(Array(batch))
                left = left[batch.endIndex...]
            }
            return batches
        }
        func sizes(_ count: Int, _ bytes: Int) -> [Int] { batches(count, bytes).map(\.count) }
        #expect(sizes(4, 100_000) == [4, 4, 2])
        #expect(sizes(100, 300) == [3, 3, 3, 1])
        #expect(sizes(100, 1) == Array(repeating: 1, count: 10))
        #expect(sizes(0, 100_000) == Array(repeating: 1, count: 10))
        #expect(MetadataRequest.first(of: [], count: 5, limitBytes: 5).isEmpty)
        #expect(batches(3, 9_999).flatMap { $0 } == families)
    }

    @Test func familiesThatFallTogetherAreSentOnce() {
        let names = ["a.b", "a_b", "c.d", "c-d", "http:é"]
        #expect(
            MetadataRequest.escaped(names.map { MetricMetadata(family: $0, help: $0) })
                == [
                    MetricMetadata(family: "a_b", help: "a_b"), MetricMetadata(family: "c_d", help: "c.d"),
                    MetricMetadata(family: "http:_", help: "http:é"),
                ])
    }
}

extension ReferenceCodec {
    /// The metadata of a request of remote write 1.0, as protobuf-c reads them.
    static func unpackMetadata(_ bytes: [UInt8]) throws -> [MetricMetadata] {
        // Safety: protobuf-c copies what it unpacks, fills as many elements as its count says and ends
        // strings with a zero; the message is freed once, at the end, and only copies leave.
        guard
            let request = unsafe bytes.withUnsafeBufferPointer({
                unsafe prometheus__write_request__unpack(nil, $0.count, $0.baseAddress)
            })
        else { throw Refused(message: "not a WriteRequest") }
        defer { unsafe prometheus__write_request__free_unpacked(request, nil) }
        var result: [MetricMetadata] = []
        for index in 0..<(unsafe request.pointee.n_metadata) {
            guard let one = unsafe request.pointee.metadata[index]?.pointee else { continue }
            result.append(
                MetricMetadata(
                    family: unsafe String(cString: one.metric_family_name),
                    kind: MetricMetadata.Kind(rawValue: UInt8(unsafe one.type.rawValue)) ?? .unknown,
                    help: unsafe String(cString: one.help), unit: unsafe String(cString: one.unit)))
        }
        return result
    }

    /// What protobuf-c packs for what it has read.
    static func packedAgain(_ bytes: [UInt8]) throws -> [UInt8] {
        // Safety: as above; there are as many bytes as protobuf-c says that it packs.
        guard
            let request = unsafe bytes.withUnsafeBufferPointer({
                unsafe prometheus__write_request__unpack(nil, $0.count, $0.baseAddress)
            })
        else { throw Refused(message: "not a WriteRequest") }
        defer { unsafe prometheus__write_request__free_unpacked(request, nil) }
        var packed = [UInt8](
            repeating: 0, count: unsafe prometheus__write_request__get_packed_size(request))
        _ = unsafe packed.withUnsafeMutableBufferPointer {
            unsafe prometheus__write_request__pack(request, $0.baseAddress)
        }
        return packed
    }
}
