import CPrompb
import CProtobufC
import CSnappy
import MetricModel

@testable import RemoteWrite

/// protobuf-c and libsnappy as the reference: packs and unpacks what the hot writer writes.
enum ReferenceCodec {
    struct Refused: Error { let message: String }

    /// What protobuf-c packs for these samples, a series each.
    static func pack(_ samples: [SentSample]) -> [UInt8] {
        // Safety: all that the messages point to is in `owned`, which is freed at the end, after packing.
        // Lists go with their own counts, strings end with a zero, and there are as many bytes as protobuf-c
        // says that it packs.
        var owned: [UnsafeMutableRawPointer] = unsafe []
        func make<T>(_ value: T) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
            unsafe pointer.initialize(to: value)
            unsafe owned.append(UnsafeMutableRawPointer(pointer))
            return unsafe pointer
        }
        func list<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
            for (index, value) in values.enumerated() { unsafe (pointer + index).initialize(to: value) }
            unsafe owned.append(UnsafeMutableRawPointer(pointer))
            return unsafe pointer
        }
        func text(_ value: String) -> UnsafeMutablePointer<CChar> {
            unsafe list(value.utf8.map { CChar(bitPattern: $0) } + [0])
        }
        defer { unsafe owned.forEach { unsafe $0.deallocate() } }

        var series: [UnsafeMutablePointer<Prometheus__TimeSeries>?] = unsafe []
        for sample in samples {
            var labels: [UnsafeMutablePointer<Prometheus__Label>?] = unsafe []
            for label in sample.labels {
                var packed = unsafe Prometheus__Label()
                unsafe prometheus__label__init(&packed)
                unsafe packed.name = unsafe text(label.name)
                unsafe packed.value = unsafe text(label.value)
                unsafe labels.append(make(packed))
            }
            var point = unsafe Prometheus__Sample()
            unsafe prometheus__sample__init(&point)
            unsafe point.value = Double(bitPattern: sample.valueBits)
            unsafe point.timestamp = sample.timestampMs
            var packed = unsafe Prometheus__TimeSeries()
            unsafe prometheus__time_series__init(&packed)
            unsafe packed.n_labels = labels.count
            unsafe packed.labels = unsafe list(labels)
            unsafe packed.n_samples = 1
            unsafe packed.samples = unsafe list([Optional(make(point))])
            unsafe series.append(make(packed))
        }
        var request = unsafe Prometheus__WriteRequest()
        unsafe prometheus__write_request__init(&request)
        unsafe request.n_timeseries = series.count
        unsafe request.timeseries = unsafe list(series)
        var bytes = [UInt8](repeating: 0, count: unsafe prometheus__write_request__get_packed_size(&request))
        let length = unsafe bytes.withUnsafeMutableBufferPointer {
            unsafe prometheus__write_request__pack(&request, $0.baseAddress)
        }
        precondition(length == bytes.count)
        return bytes
    }

    /// The samples of an encoded request, one for each of a series' samples.
    static func unpack(_ bytes: [UInt8]) throws -> [SentSample] {
        // Safety: protobuf-c copies what it unpacks, fills as many pointers as its counts say and ends
        // strings with a zero; the message is freed once, at the end, and only copies leave.
        guard
            let request = unsafe bytes.withUnsafeBufferPointer({
                unsafe prometheus__write_request__unpack(nil, $0.count, $0.baseAddress)
            })
        else { throw Refused(message: "not a WriteRequest") }
        defer { unsafe prometheus__write_request__free_unpacked(request, nil) }
        var samples: [SentSample] = []
        for index in 0..<(unsafe request.pointee.n_timeseries) {
            guard let series = unsafe request.pointee.timeseries[index]?.pointee else { continue }
            var labels: [Label] = []
            for number in 0..<(unsafe series.n_labels) {
                guard let label = unsafe series.labels[number]?.pointee else { continue }
                unsafe labels.append(Label(String(cString: label.name), String(cString: label.value)))
            }
            for number in 0..<(unsafe series.n_samples) {
                guard let sample = unsafe series.samples[number]?.pointee else { continue }
                samples.append(
                    SentSample(
                        labels: labels, valueBits: unsafe sample.value.bitPattern,
                        timestampMs: unsafe sample.timestamp))
            }
        }
        return samples
    }

    /// A snappy block's content.
    static func uncompress(_ body: [UInt8]) throws -> [UInt8] {
        // Safety: pointers stay inside their closures, and `bytes` is as long as snappy says the content is.
        try unsafe body.withUnsafeBytes { raw in
            let source = unsafe raw.assumingMemoryBound(to: CChar.self).baseAddress
            var length = 0
            guard unsafe snappy_uncompressed_length(source, raw.count, &length) == SNAPPY_OK else {
                throw Refused(message: "not a snappy block")
            }
            var bytes = [UInt8](repeating: 0, count: length)
            let status = unsafe bytes.withUnsafeMutableBytes {
                unsafe snappy_uncompress(
                    source, raw.count, $0.assumingMemoryBound(to: CChar.self).baseAddress, &length)
            }
            guard status == SNAPPY_OK else { throw Refused(message: "a damaged snappy block") }
            return bytes
        }
    }

    /// The block that libsnappy makes.
    static func compress(_ plain: [UInt8]) -> [UInt8] {
        var length = snappy_max_compressed_length(plain.count)
        var block = [UInt8](repeating: 0, count: length)
        // Safety: pointers stay inside their closures, and `block` has the room that snappy asks for.
        let status = unsafe plain.withUnsafeBytes { source in
            unsafe block.withUnsafeMutableBytes {
                unsafe snappy_compress(
                    source.assumingMemoryBound(to: CChar.self).baseAddress, source.count,
                    $0.assumingMemoryBound(to: CChar.self).baseAddress, &length)
            }
        }
        precondition(status == SNAPPY_OK, "snappy fails only when the output has no room, and it has")
        return Array(block.prefix(length))
    }

    /// The samples of a request's body.
    static func samples(ofBody body: [UInt8]) throws -> [SentSample] { try unpack(uncompress(body)) }
}
