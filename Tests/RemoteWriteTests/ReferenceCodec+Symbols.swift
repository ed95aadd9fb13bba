import CPrompb
import CProtobufC
import MetricModel

@testable import RemoteWrite

/// One series of a request of remote write 2.0, as a receiver sees it.
struct SymbolSeries: Equatable {
    struct Sample: Equatable {
        var valueBits: UInt64
        var timestampMs: Int64
        var startMs: Int64 = 0
    }

    struct SentHistogram: Equatable {
        var histogram: NativeHistogram
        var timestampMs: Int64
        var startMs: Int64 = 0
    }

    var labels: [Label]
    var samples: [Sample] = []
    var histograms: [SentHistogram] = []
    var exemplars: [Exemplar] = []
    /// Type, help and unit, where the series has a message of them.
    var metadata: [String]?
}

/// A request of remote write 2.0, as protobuf-c reads it.
struct SymbolMessage {
    var symbols: [String] = []
    var references: [UInt32] = []
    var series: [SymbolSeries] = []
    /// What protobuf-c packs for what it has read.
    var packedAgain: [UInt8] = []
}

extension ReferenceCodec {
    /// Reads a request with protobuf-c; every reference is resolved.
    static func unpackSymbols(_ bytes: [UInt8]) throws -> SymbolMessage {
        // Safety: protobuf-c copies what it unpacks, fills as many elements as its counts say and ends
        // strings with a zero; the message is freed once, at the end, and only copies leave.
        guard
            let request = unsafe bytes.withUnsafeBufferPointer({
                unsafe io__prometheus__write__v2__request__unpack(nil, $0.count, $0.baseAddress)
            })
        else { throw Refused(message: "not a Request of 2.0") }
        defer { unsafe io__prometheus__write__v2__request__free_unpacked(request, nil) }
        var result = SymbolMessage()
        for index in 0..<(unsafe request.pointee.n_symbols) {
            guard let symbol = unsafe request.pointee.symbols[index] else { continue }
            result.symbols.append(unsafe String(cString: symbol))
        }
        func text(_ reference: UInt32) throws -> String {
            guard Int(reference) < result.symbols.count else {
                throw Refused(message: "a reference to symbol \(reference), which is not there")
            }
            result.references.append(reference)
            return result.symbols[Int(reference)]
        }
        func labels(_ count: Int, _ list: UnsafeMutablePointer<UInt32>?) throws -> [Label] {
            guard count.isMultiple(of: 2) else { throw Refused(message: "an odd number of references") }
            return try (0..<count / 2).map { number in
                guard let list = unsafe list else { throw Refused(message: "no references") }
                return Label(try text(unsafe list[2 * number]), try text(unsafe list[2 * number + 1]))
            }
        }
        for index in 0..<(unsafe request.pointee.n_timeseries) {
            guard let series = unsafe request.pointee.timeseries[index]?.pointee else { continue }
            var sent = SymbolSeries(labels: try unsafe labels(series.n_labels_refs, series.labels_refs))
            for number in 0..<(unsafe series.n_samples) {
                guard let sample = unsafe series.samples[number]?.pointee else { continue }
                sent.samples.append(
                    .init(
                        valueBits: unsafe sample.value.bitPattern, timestampMs: unsafe sample.timestamp,
                        startMs: unsafe sample.start_timestamp))
            }
            for number in 0..<(unsafe series.n_histograms) {
                guard let histogram = unsafe series.histograms[number]?.pointee else { continue }
                sent.histograms.append(
                    .init(
                        histogram: unsafe self.histogram(histogram), timestampMs: unsafe histogram.timestamp,
                        startMs: unsafe histogram.start_timestamp))
            }
            for number in 0..<(unsafe series.n_exemplars) {
                guard let exemplar = unsafe series.exemplars[number]?.pointee else { continue }
                sent.exemplars.append(
                    Exemplar(
                        labels: LabelSet(
                            try unsafe labels(exemplar.n_labels_refs, exemplar.labels_refs)),
                        value: unsafe exemplar.value, timestampMs: unsafe exemplar.timestamp))
            }
            if let metadata = unsafe series.metadata?.pointee {
                sent.metadata = [
                    String(unsafe metadata.type.rawValue), try text(unsafe metadata.help_ref),
                    try text(unsafe metadata.unit_ref),
                ]
            }
            result.series.append(sent)
        }
        var packed = [UInt8](
            repeating: 0, count: unsafe io__prometheus__write__v2__request__get_packed_size(request))
        let length = unsafe packed.withUnsafeMutableBufferPointer {
            unsafe io__prometheus__write__v2__request__pack(request, $0.baseAddress)
        }
        precondition(length == packed.count)
        result.packedAgain = packed
        return result
    }

    private static func histogram(_ message: Io__Prometheus__Write__V2__Histogram) -> NativeHistogram {
        // Safety: as above.
        func spans(
            _ count: Int,
            _ list: UnsafeMutablePointer<UnsafeMutablePointer<Io__Prometheus__Write__V2__BucketSpan>?>?
        ) -> [NativeHistogram.BucketSpan] {
            (0..<count).compactMap { index in
                guard let span = unsafe list?[index]?.pointee else { return nil }
                return unsafe .init(offset: span.offset, length: span.length)
            }
        }
        func array<T>(_ count: Int, _ list: UnsafeMutablePointer<T>?) -> [T] {
            unsafe Array(UnsafeBufferPointer(start: list, count: count))
        }
        let isFloat =
            unsafe message.count_case == IO__PROMETHEUS__WRITE__V2__HISTOGRAM__COUNT_COUNT_FLOAT
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
