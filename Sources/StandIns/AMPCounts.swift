internal import JSON

/// What a stand-in AMP has counted. `samples` are those taken; refused ones and duplicates stand apart.
public struct AMPCounts: Sendable, Equatable {
    public var requests: UInt64 = 0
    /// By status code; 0 for those that got no answer on purpose.
    public var answers: [String: UInt64] = [:]
    public var signaturesChecked: UInt64 = 0
    public var signaturesRefused: UInt64 = 0
    /// Requests without a signature that were taken, as nobody has said whose signature is right.
    public var unsigned: UInt64 = 0
    /// Bodies of all requests of remote write, those among them that were refused.
    public var receivedBytes: UInt64 = 0
    /// Bodies that were read and entered.
    public var compressedBytes: UInt64 = 0
    public var uncompressedBytes: UInt64 = 0
    public var samples: UInt64 = 0
    public var staleMarkers: UInt64 = 0
    /// The same value for the same moment again.
    public var duplicates: UInt64 = 0
    /// Another value for the same moment.
    public var conflicts: UInt64 = 0
    /// Older than the newest sample of the series, whether it was taken or not.
    public var outOfOrder: UInt64 = 0
    public var tooOld: UInt64 = 0
    public var tooNew: UInt64 = 0
    /// Samples of series whose labels break a rule.
    public var labelFaults: UInt64 = 0
    /// Requests with wrong headers or a body that cannot be read.
    public var malformed: UInt64 = 0
    public var metadata: UInt64 = 0
    public var exemplars: UInt64 = 0
    public var nativeHistograms: UInt64 = 0
    /// Samples taken by job.
    public var jobs: [String: UInt64] = [:]
    /// Different series seen.
    public var series: Int = 0

    public init() {}

    var json: JSONValue {
        [
            "answers": .map(answers),
            "compressedBytes": .integer(compressedBytes),
            "conflicts": .integer(conflicts),
            "duplicates": .integer(duplicates),
            "exemplars": .integer(exemplars),
            "jobs": .map(jobs),
            "labelFaults": .integer(labelFaults),
            "malformed": .integer(malformed),
            "metadata": .integer(metadata),
            "nativeHistograms": .integer(nativeHistograms),
            "outOfOrder": .integer(outOfOrder),
            "receivedBytes": .integer(receivedBytes),
            "requests": .integer(requests),
            "samples": .integer(samples),
            "series": .integer(series),
            "signaturesChecked": .integer(signaturesChecked),
            "signaturesRefused": .integer(signaturesRefused),
            "staleMarkers": .integer(staleMarkers),
            "tooNew": .integer(tooNew),
            "tooOld": .integer(tooOld),
            "uncompressedBytes": .integer(uncompressedBytes),
            "unsigned": .integer(unsigned),
        ]
    }
}
