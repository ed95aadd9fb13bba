/// Why a receiver refused samples, as its answer's body tells: the words that Prometheus, Cortex, Mimir and
/// AMP use. The names are AMP's discard reasons (CloudWatch AWS/Prometheus DiscardedSamples) with
/// underscores.
public enum RefusalReason: String, Sendable, CaseIterable {
    case outOfOrder = "sample_out_of_order"
    /// Older than the receiver's window for samples out of order.
    case outsideOrderWindow = "sample_too_old"
    case duplicateTimestamp = "new_value_for_timestamp"
    case maxSampleAge = "greater_than_max_sample_age"
    case tooNew = "too_far_in_future"
    case seriesLimit = "per_user_series_limit"
    case metricSeriesLimit = "per_metric_series_limit"
    case labelSetSeriesLimit = "per_labelset_series_limit"
    case histogramSeriesLimit = "per_user_native_histogram_series_limit"
    case rateLimited = "rate_limited"
    /// More samples out of order than the receiver takes in a while: these are not stored.
    case outOfOrderRateLimit = "out_of_order_rate_limit"
    case histogramRateLimited = "native_histogram_rate_limited"
    case labelValueTooLong = "label_value_too_long"
    case labelNameTooLong = "label_name_too_long"
    case tooManyLabels = "max_label_names_per_series"
    case missingMetricName = "missing_metric_name"
    case invalidMetricName = "metric_name_invalid"
    case duplicateLabels = "duplicate_label_names"
    case unsortedLabels = "labels_not_sorted"
    case invalidLabel = "label_invalid"
    case histogramTooLarge = "native_histogram_sample_size_bytes_exceeded"
    case histogramBuckets = "native_histogram_buckets_exceeded"
    case histogramSchema = "native_histogram_invalid_schema"
    case histogramInvalid = "native_histogram_invalid"
    case nativeHistogram = "native_histogram"
    case undecodable = "undecodable"
    /// The body says nothing known: the status is all there is.
    case badRequest = "bad_request"
    case conflict = "conflict"
    case unprocessable = "unprocessable"
    case tooLarge = "too_large"
    case serverError = "server_error"
    case other = "refused"

    /// Whether it is a limit on series: it does not pass with time, and the receiver takes what is within it.
    var isSeriesLimit: Bool {
        switch self {
        case .seriesLimit, .metricSeriesLimit, .labelSetSeriesLimit, .histogramSeriesLimit: true
        default: false
        }
    }

    /// Whether the receiver has read the samples and says what is wrong with one.
    var namesSamples: Bool {
        switch self {
        case .undecodable, .badRequest, .conflict, .unprocessable, .tooLarge, .serverError, .other: false
        default: true
        }
    }

    /// Whether it may mean "stored already" for a request that the receiver may have seen before: the
    /// samples came a second time, after newer ones of the same series.
    public var isAnswerToDuplicates: Bool {
        self == .outOfOrder || self == .outsideOrderWindow || self == .duplicateTimestamp
    }

    /// Bytes of an answer's body that are looked at.
    static let lookedAtBytes = 4_096

    /// The first that fits wins, so the particular stand before the general.
    private static let words: [(RefusalReason, [String])] = [
        (.maxSampleAge, ["greater_than_max_sample_age", "greater than max sample age", "timestamp too old"]),
        (.tooNew, ["too far in the future", "too_far_in_future", "timestamp too new", "too-far-in-future"]),
        (
            .duplicateTimestamp,
            [
                "duplicate sample for timestamp", "new-value-for-timestamp", "new_value_for_timestamp",
                "duplicate-timestamp",
            ]
        ),
        (
            .outOfOrderRateLimit,
            ["out-of-order-rate-limit", "out_of_order_rate_limit", "out of order rate limit"]
        ),
        (.outOfOrder, ["out of order", "out-of-order", "out_of_order"]),
        (.outsideOrderWindow, ["out of bounds", "too old", "too-old", "too_old"]),
        (
            .labelSetSeriesLimit,
            ["per_labelset_series_limit", "per-labelset series limit", "labelset series"]
        ),
        (
            .metricSeriesLimit,
            ["per_metric_series_limit", "per-metric series limit", "max-series-per-metric"]
        ),
        (
            .histogramSeriesLimit,
            ["native_histogram_series_limit", "native histogram series limit", "native histograms series"]
        ),
        (.seriesLimit, ["series limit", "series_limit", "max-series-per-user", "active series"]),
        (
            .histogramRateLimited,
            [
                "native_histogram_rate_limited", "native histogram ingestion rate",
                "native histograms ingestion rate",
            ]
        ),
        (.rateLimited, ["rate limit", "rate_limited", "rate-limit", "rate exceeded", "throttl"]),
        (
            .histogramTooLarge,
            ["native_histogram_sample_size_bytes_exceeded", "native histogram sample size bytes exceeded"]
        ),
        (
            .histogramBuckets,
            ["native_histogram_buckets_exceeded", "native histogram bucket", "native histogram buckets"]
        ),
        (
            .histogramSchema,
            ["native_histogram_invalid_schema", "invalid native histogram schema", "histogram schema"]
        ),
        (
            .histogramInvalid,
            ["native_histogram_invalid", "invalid native histogram", "native histogram is invalid"]
        ),
        (.nativeHistogram, ["native histogram", "native_histogram"]),
        (.labelValueTooLong, ["label value too long", "label_value_too_long", "max-length-label-value"]),
        (.labelNameTooLong, ["label name too long", "label_name_too_long", "max-length-label-name"]),
        (
            .tooManyLabels,
            [
                "max_label_names_per_series", "max-label-names-per-series", "label names; limit",
                "too many labels",
            ]
        ),
        (.missingMetricName, ["missing metric name", "missing_metric_name", "no metric name"]),
        (.invalidMetricName, ["invalid metric name", "metric_name_invalid", "metric name is invalid"]),
        (.duplicateLabels, ["duplicate label", "duplicate_label"]),
        (.unsortedLabels, ["not sorted", "label_names_not_sorted", "out of alphabetical"]),
        (.invalidLabel, ["invalid label", "label_invalid", "label invalid", "invalid labels"]),
        (.undecodable, ["snappy", "unmarshal", "decod", "proto:", "protobuf"]),
    ]

    /// The reason for `status` with this body.
    public static func parse(status: Int, body: String) -> RefusalReason {
        let text = body.prefix(lookedAtBytes).lowercased()
        for (reason, words) in words where words.contains(where: { text.contains($0) }) { return reason }
        switch status {
        case 400: return .badRequest
        case 409: return .conflict
        case 413: return .tooLarge
        case 422: return .unprocessable
        case 429: return .rateLimited
        case 500...: return .serverError
        default: return .other
        }
    }

    /// Words of receivers that judge sample by sample (Cortex, Mimir, Thanos and what is made of them): their
    /// answers tell whose sample of which series is the first that they refused, and they have taken the
    /// others.
    private static let wordsOfPartialReceivers = [
        "series", "metric", "label", "user", "tenant", "conflict",
    ]

    /// Whether a receiver that answers so may have stored nothing of the request. Prometheus' own receiver
    /// rolls the whole request back for a sample that it refuses (storage/remote, write handler of 1.0
    /// messages), and says no more than "out of bounds", "out of order sample" or the like.
    static func mayHaveTakenNothing(status: Int, body: String) -> Bool {
        guard [400, 409, 422].contains(status) else { return false }
        let text = body.prefix(lookedAtBytes).lowercased()
        return !wordsOfPartialReceivers.contains { text.contains($0) }
    }
}
