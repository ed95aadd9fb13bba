import CPrompb
import CProtobufC
import MetricModel

@testable import RemoteWrite

extension ReferenceCodec {
    /// What protobuf-c packs for one histogram.
    static func pack(_ histogram: NativeHistogram, timestampMs: Int64) -> [UInt8] {
        // Safety: all that the message points to is in `owned`, which is freed after packing; counts are the
        // lists' own, and there are as many bytes as protobuf-c says that it packs.
        var owned: [UnsafeMutableRawPointer] = unsafe []
        func list<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
            for (index, value) in values.enumerated() { unsafe (pointer + index).initialize(to: value) }
            unsafe owned.append(UnsafeMutableRawPointer(pointer))
            return unsafe pointer
        }
        func spans(
            _ values: [NativeHistogram.BucketSpan]
        ) -> UnsafeMutablePointer<UnsafeMutablePointer<Prometheus__BucketSpan>?> {
            unsafe list(
                values.map { value in
                    var span = unsafe Prometheus__BucketSpan()
                    unsafe prometheus__bucket_span__init(&span)
                    unsafe span.offset = value.offset
                    unsafe span.length = value.length
                    return unsafe Optional(list([span]))
                })
        }
        defer { unsafe owned.forEach { unsafe $0.deallocate() } }
        var message = unsafe Prometheus__Histogram()
        unsafe prometheus__histogram__init(&message)
        unsafe message.sum = histogram.sum
        unsafe message.schema = histogram.schema
        unsafe message.zero_threshold = histogram.zeroThreshold
        unsafe message.n_negative_spans = histogram.negativeSpans.count
        unsafe message.negative_spans = unsafe spans(histogram.negativeSpans)
        unsafe message.n_positive_spans = histogram.positiveSpans.count
        unsafe message.positive_spans = unsafe spans(histogram.positiveSpans)
        switch histogram.counts {
        case .integer(let count, let zeroCount, let positive, let negative):
            unsafe message.count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_INT
            unsafe message.count_int = count
            unsafe message.zero_count_case = PROMETHEUS__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT
            unsafe message.zero_count_int = zeroCount
            unsafe message.n_positive_deltas = positive.count
            unsafe message.positive_deltas = unsafe list(positive)
            unsafe message.n_negative_deltas = negative.count
            unsafe message.negative_deltas = unsafe list(negative)
        case .float(let count, let zeroCount, let positive, let negative):
            unsafe message.count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_FLOAT
            unsafe message.count_float = count
            unsafe message.zero_count_case = PROMETHEUS__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT
            unsafe message.zero_count_float = zeroCount
            unsafe message.n_positive_counts = positive.count
            unsafe message.positive_counts = unsafe list(positive)
            unsafe message.n_negative_counts = negative.count
            unsafe message.negative_counts = unsafe list(negative)
        }
        unsafe message.reset_hint = Prometheus__Histogram__ResetHint(
            rawValue: UInt32(histogram.resetHint.rawValue))
        unsafe message.timestamp = timestampMs
        unsafe message.n_custom_values = histogram.customValues.count
        unsafe message.custom_values = unsafe list(histogram.customValues)
        var bytes = [UInt8](repeating: 0, count: unsafe prometheus__histogram__get_packed_size(&message))
        let length = unsafe bytes.withUnsafeMutableBufferPointer {
            unsafe prometheus__histogram__pack(&message, $0.baseAddress)
        }
        precondition(length == bytes.count)
        return bytes
    }

    /// Every series of an encoded request with all that it holds.
    static func unpackSeries(_ bytes: [UInt8]) throws -> [SentSeries] {
        // Safety: protobuf-c copies what it unpacks, fills as many elements as its counts say and ends
        // strings with a zero; the message is freed once, at the end, and only copies leave.
        guard
            let request = unsafe bytes.withUnsafeBufferPointer({
                unsafe prometheus__write_request__unpack(nil, $0.count, $0.baseAddress)
            })
        else { throw Refused(message: "not a WriteRequest") }
        defer { unsafe prometheus__write_request__free_unpacked(request, nil) }
        func labels(
            _ count: Int, _ list: UnsafeMutablePointer<UnsafeMutablePointer<Prometheus__Label>?>?
        ) -> [Label] {
            (0..<count).compactMap { index in
                guard let label = unsafe list?[index]?.pointee else { return nil }
                return unsafe Label(String(cString: label.name), String(cString: label.value))
            }
        }
        var result: [SentSeries] = []
        for index in 0..<(unsafe request.pointee.n_timeseries) {
            guard let series = unsafe request.pointee.timeseries[index]?.pointee else { continue }
            var sent = SentSeries(labels: unsafe labels(series.n_labels, series.labels))
            for number in 0..<(unsafe series.n_samples) {
                guard let sample = unsafe series.samples[number]?.pointee else { continue }
                sent.valueBits = unsafe sample.value.bitPattern
                sent.timestampMs = unsafe sample.timestamp
            }
            for number in 0..<(unsafe series.n_exemplars) {
                guard let exemplar = unsafe series.exemplars[number]?.pointee else { continue }
                sent.exemplars.append(
                    Exemplar(
                        labels: LabelSet(unsafe labels(exemplar.n_labels, exemplar.labels)),
                        value: unsafe exemplar.value, timestampMs: unsafe exemplar.timestamp))
            }
            for number in 0..<(unsafe series.n_histograms) {
                guard let histogram = unsafe series.histograms[number]?.pointee else { continue }
                sent.histogram = unsafe self.histogram(histogram)
                sent.timestampMs = unsafe histogram.timestamp
            }
            result.append(sent)
        }
        return result
    }

    private static func histogram(_ message: Prometheus__Histogram) -> NativeHistogram {
        // Safety: as above.
        func spans(
            _ count: Int, _ list: UnsafeMutablePointer<UnsafeMutablePointer<Prometheus__BucketSpan>?>?
        ) -> [NativeHistogram.BucketSpan] {
            (0..<count).compactMap { index in
                guard let span = unsafe list?[index]?.pointee else { return nil }
                return unsafe .init(offset: span.offset, length: span.length)
            }
        }
        func array<T>(_ count: Int, _ list: UnsafeMutablePointer<T>?) -> [T] {
            unsafe Array(UnsafeBufferPointer(start: list, count: count))
        }
        let isFloat = unsafe message.count_case == PROMETHEUS__HISTOGRAM__COUNT_COUNT_FLOAT
        return unsafe NativeHistogram(
            schema: message.schema, zeroThreshold: message.zero_threshold, sum: message.sum,
            resetHint: NativeHistogram.ResetHint(rawValue: UInt8(message.reset_hint.rawValue)) ?? .unknown,
            positiveSpans: spans(message.n_positive_spans, message.positive_spans),
            negativeSpans: spans(message.n_negative_spans, message.negative_spans),
            counts: isFloat
                ? .float(
                    count: message.count_float, zeroCount: message.zero_count_float,
                    positiveCounts: array(message.n_positive_counts, message.positive_counts),
                    negativeCounts: array(message.n_negative_counts, message.negative_counts))
                : .integer(
                    count: message.count_int, zeroCount: message.zero_count_int,
                    positiveDeltas: array(message.n_positive_deltas, message.positive_deltas),
                    negativeDeltas: array(message.n_negative_deltas, message.negative_deltas)),
            customValues: array(message.n_custom_values, message.custom_values))
    }
}

/// One series of a request, as a receiver sees it.
struct SentSeries: Equatable {
    var labels: [Label]
    /// Nil for a histogram.
    var valueBits: UInt64?
    var timestampMs: Int64 = 0
    var exemplars: [Exemplar] = []
    var histogram: NativeHistogram?
}
