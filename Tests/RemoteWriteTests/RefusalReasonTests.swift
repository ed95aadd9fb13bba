import Testing

@testable import RemoteWrite

@Suite struct RefusalReasonTests {
    @Test(arguments: [
        (400, "out of order sample", RefusalReason.outOfOrder),
        (
            400, "user=1: err: out of order sample. timestamp=2024-01-01T00:00:00Z, series={__name__=\"a\"}",
            .outOfOrder
        ),
        (400, "duplicate sample for timestamp", .duplicateTimestamp),
        (400, "err: duplicate sample for timestamp. timestamp=x", .duplicateTimestamp),
        (400, "out of bounds", .outsideOrderWindow),
        (400, "too old sample", .outsideOrderWindow),
        (400, "sample-too-old", .outsideOrderWindow),
        (400, "timestamp too old: 1700000000000 metric: \"up\"", .maxSampleAge),
        (400, "timestamp too new: 1700000000000 metric: \"up\"", .tooNew),
        (400, "per-user series limit of 50000000 exceeded, please contact administrator", .seriesLimit),
        (400, "per-metric series limit of 1000 exceeded", .metricSeriesLimit),
        (429, "ingestion rate limit (25000) exceeded while adding 2000 samples and 0 metadata", .rateLimited),
        (429, "{\"message\":\"Rate exceeded\"}", .rateLimited),
        (429, "", .rateLimited),
        (400, "label value too long for metric: \"x\" label value: \"y\"", .labelValueTooLong),
        (400, "series has 200 label names; limit 150", .tooManyLabels),
        (400, "sample missing metric name", .missingMetricName),
        (400, "sample invalid metric name: \"a.b\"", .invalidMetricName),
        (400, "duplicate label name: \"a\"", .duplicateLabels),
        (400, "labels not sorted: \"b\"", .unsortedLabels),
        (400, "sample invalid label: \"a-b\"", .invalidLabel),
        (400, "snappy: corrupt input", .undecodable),
        (400, "proto: wrong wireType = 2 for field Value", .undecodable),
        (400, "", .badRequest), (409, "", .conflict), (422, "", .unprocessable), (413, "", .tooLarge),
        (500, "", .serverError), (410, "gone", .other),
    ])
    func bodiesOfReceiversAreUnderstood(status: Int, body: String, reason: RefusalReason) {
        #expect(RefusalReason.parse(status: status, body: body) == reason)
    }

    /// The discard reasons of Amazon Managed Service for Prometheus, as its metrics name them and as Cortex'
    /// words for them say.
    @Test(arguments: [
        ("greater_than_max_sample_age", RefusalReason.maxSampleAge),
        ("new-value-for-timestamp", .duplicateTimestamp), ("per_labelset_series_limit", .labelSetSeriesLimit),
        ("per_metric_series_limit", .metricSeriesLimit), ("per_user_series_limit", .seriesLimit),
        ("rate_limited", .rateLimited), ("sample-out-of-order", .outOfOrder),
        ("sample-too-old", .outsideOrderWindow), ("out-of-order-rate-limit", .outOfOrderRateLimit),
        ("label_value_too_long", .labelValueTooLong), ("max_label_names_per_series", .tooManyLabels),
        ("missing_metric_name", .missingMetricName), ("metric_name_invalid", .invalidMetricName),
        ("label_invalid", .invalidLabel), ("duplicate_label_names", .duplicateLabels),
        ("native_histogram_sample_size_bytes_exceeded", .histogramTooLarge),
        ("native_histogram_invalid_schema", .histogramSchema),
        ("native_histogram_invalid", .histogramInvalid),
        ("native_histogram_buckets_exceeded", .histogramBuckets),
        ("native_histogram_rate_limited", .histogramRateLimited),
        ("per_user_native_histogram_series_limit", .histogramSeriesLimit),
        (
            "native histogram bucket count exceeded for metric (buckets: 300, limit: 200) metric: \"h\"",
            .histogramBuckets
        ),
        (
            "invalid native histogram schema -53 for metric: \"h\". supported schema from -4 to 8",
            .histogramSchema
        ),
        ("per-user series limit of 50000000 exceeded, please contact administrator", .seriesLimit),
        ("sample invalid metric name: \"a.b\"", .invalidMetricName),
    ])
    func discardReasonsAreKnown(body: String, reason: RefusalReason) {
        #expect(RefusalReason.parse(status: 400, body: body) == reason)
        #expect(
            RefusalReason.parse(status: 400, body: "user=1: \(body): series={__name__=\"up\"}") == reason)
    }

    @Test func onlyAnOrderMayMeanStoredAlready() {
        let found = RefusalReason.allCases.filter(\.isAnswerToDuplicates)
        #expect(found == [.outOfOrder, .outsideOrderWindow, .duplicateTimestamp])
        #expect(
            RefusalReason.allCases.filter(\.isSeriesLimit)
                == [.seriesLimit, .metricSeriesLimit, .labelSetSeriesLimit, .histogramSeriesLimit])
    }

    @Test(arguments: [
        (400, "out of bounds\n", true), (400, "out of order sample\n", true), (400, "too old sample", true),
        (400, "duplicate sample for timestamp 1; overrides not allowed: existing 1, new value 2", true),
        (400, "snappy: corrupt input", true), (400, "", true), (409, "", true), (422, "bad sample", true),
        (400, "user=1: err: out of bounds. timestamp=x, series={__name__=\"a\"}", false),
        (400, "timestamp too old: 1700000000000 metric: \"up\"", false),
        (400, "label value too long", false), (400, "per-user series limit of 10 exceeded", false),
        (400, "failed pushing to ingester: tenant 1: out of bounds", false),
        (409, "store locally for endpoint 127.0.0.1:10901: conflict", false),
        (410, "", false), (413, "", false), (500, "out of bounds", false), (200, "", false),
    ])
    func bareRefusalsMayBeOfTheWholeRequest(status: Int, body: String, expected: Bool) {
        #expect(RefusalReason.mayHaveTakenNothing(status: status, body: body) == expected)
    }

    @Test func namesAreFitForLabels() {
        for reason in RefusalReason.allCases {
            #expect(reason.rawValue.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F })
        }
    }
}
