internal import CPrompb
internal import CProtobufC
internal import CSnappy

#if canImport(Glibc)
import Glibc
#endif

/// Reads the body of a remote-write 1.0 request with the libraries that are the reference: libsnappy,
/// protobuf-c.
enum WriteRequestDecoder {
    struct Failure: Error, Equatable {
        let message: String
    }

    /// Decodes a snappy block of at most `limitBytes` uncompressed bytes.
    static func decode(_ body: [UInt8], limitBytes: Int) throws(Failure) -> DecodedRequest {
        try decode(plain: uncompress(body, limitBytes: limitBytes))
    }

    /// Decodes a message.
    static func decode(plain: [UInt8]) throws(Failure) -> DecodedRequest {
        let arena = MessageArena()
        // Safety: `plain` lives through the call; the message lies in the arena, which lives to the end.
        let request = unsafe arena.withAllocator { allocator -> DecodedRequest? in
            let message = unsafe plain.withUnsafeBufferPointer {
                unsafe prometheus__write_request__unpack(allocator, $0.count, $0.baseAddress)
            }
            return unsafe message.map { unsafe flatten($0, uncompressedBytes: plain.count) }
        }
        guard let request else { throw Failure(message: "proto: the WriteRequest cannot be read") }
        return request
    }

    private static func flatten(
        _ message: UnsafeMutablePointer<Prometheus__WriteRequest>, uncompressedBytes: Int
    ) -> DecodedRequest {
        var request = DecodedRequest()
        request.uncompressedBytes = uncompressedBytes
        request.metadata = unsafe message.pointee.n_metadata
        request.text.reserveCapacity(uncompressedBytes)
        request.series.reserveCapacity(unsafe message.pointee.n_timeseries)
        for index in 0..<(unsafe message.pointee.n_timeseries) {
            // Safety: protobuf-c fills `n_timeseries` non-null pointers.
            if let one = unsafe message.pointee.timeseries[index] { unsafe append(one, to: &request) }
        }
        return request
    }

    private static func append(
        _ series: UnsafeMutablePointer<Prometheus__TimeSeries>, to request: inout DecodedRequest
    ) {
        // Safety: protobuf-c fills `n_labels` and `n_samples` non-null pointers, and ends every string with a
        // zero.
        let firstLabel = request.labels.count
        for index in 0..<(unsafe series.pointee.n_labels) {
            guard let label = unsafe series.pointee.labels[index] else { continue }
            let start = request.text.count
            unsafe append(label.pointee.name, to: &request.text)
            let nameEnd = request.text.count
            unsafe append(label.pointee.value, to: &request.text)
            request.labels.append(
                DecodedRequest.Label(start: start, nameEnd: nameEnd, valueEnd: request.text.count))
        }
        let firstSample = request.samples.count
        for index in 0..<(unsafe series.pointee.n_samples) {
            guard let sample = unsafe series.pointee.samples[index] else { continue }
            request.samples.append(
                DecodedRequest.Sample(
                    timestampMs: unsafe sample.pointee.timestamp, value: unsafe sample.pointee.value))
        }
        request.series.append(
            DecodedRequest.Series(
                key: SeriesKey.of(request.text, request.labels[firstLabel...]),
                labels: firstLabel..<request.labels.count, samples: firstSample..<request.samples.count,
                exemplars: unsafe series.pointee.n_exemplars, histograms: unsafe series.pointee.n_histograms))
    }

    private static func append(_ string: UnsafeMutablePointer<CChar>?, to text: inout [UInt8]) {
        guard let string = unsafe string else { return }
        // Safety: the string ends with a zero and lives as long as its message.
        let bytes = unsafe UnsafeRawBufferPointer(start: string, count: strlen(string))
        unsafe text.append(contentsOf: bytes)
    }

    /// The snappy block format; the length it claims is looked at before anything is allocated for it.
    static func uncompress(_ body: [UInt8], limitBytes: Int) throws(Failure) -> [UInt8] {
        // Safety: pointers stay inside the closures, lengths are the buffers' own.
        var length = 0
        let known = unsafe body.withUnsafeBytes {
            unsafe snappy_uncompressed_length(
                $0.assumingMemoryBound(to: CChar.self).baseAddress, $0.count, &length)
        }
        guard known == SNAPPY_OK else { throw Failure(message: "snappy: corrupt input") }
        guard length <= limitBytes else {
            throw Failure(
                message: "snappy: \(length) bytes uncompressed, more than the \(limitBytes) allowed")
        }
        var status = SNAPPY_OK
        let plain = unsafe [UInt8](unsafeUninitializedCapacity: max(1, length)) { output, count in
            var written = length
            status = unsafe body.withUnsafeBytes { input in
                unsafe output.withMemoryRebound(to: CChar.self) { output in
                    unsafe snappy_uncompress(
                        input.assumingMemoryBound(to: CChar.self).baseAddress, input.count,
                        output.baseAddress,
                        &written)
                }
            }
            count = status == SNAPPY_OK ? written : 0
        }
        guard status == SNAPPY_OK else { throw Failure(message: "snappy: corrupt input") }
        return plain
    }
}
