internal import MetricModel
internal import WriteAheadBuffer

/// A request cut, encoded and compressed: kept as it is through every try.
struct PreparedRequest: Sendable {
    /// Which message of remote write it holds.
    var message = WriteMessage.v1
    /// The snappy block.
    let body: [UInt8]
    let uncompressedBytes: Int
    /// SHA-256 of `body` in hexadecimal when requests are signed, else empty.
    let payloadHash: String
    /// The position behind its last sample.
    let end: BufferPosition
    /// What is booked once it is stored.
    let outcome: Outcomes
    /// Samples that it sends, histograms among them.
    let sampleCount: Int
    let histogramCount: Int
    /// Of the samples that `outcome` drops, the histograms, by reason.
    let droppedHistograms: [String: Int]
    let exemplarCount: Int
    /// Exemplars of its samples that are not sent.
    let exemplarsOff: Int
    let oldestMs: Int64
    let newestMs: Int64
    /// What it was made of, for halving.
    let slices: [FrameSlice]
    /// Samples in its range that it leaves out.
    let omissions: [BufferOmission]
    /// It was in flight when the agent ended, with just these bytes.
    let isResend: Bool
    /// Its samples were in flight then: the receiver may have them already.
    var mayBeStored = false
    /// It holds nothing but series that were left out and are tried again.
    let triesAgain: Bool
    /// It ended at the limit of bytes; the limit of samples would have let more in.
    let isFullByBytes: Bool

    /// The parts of the log that it covers.
    var covers: [Range<BufferPosition>] { FrameSlice.covers(slices[...]) }

    /// The timestamp of its newest frame; nil for a request that holds no samples.
    var newestFrameMs: Int64? { slices.map(\.frame.timestampMs).max() }

    /// Whether no series stands in it twice: it has one frame of a target at most, whose layout states
    /// each once.
    var holdsSeriesOnce: Bool {
        var records: [UInt64: BufferPosition] = [:]
        for slice in slices {
            let known = records.updateValue(slice.record, forKey: slice.frame.target.id)
            if slice.repeatsSeries || (known.map { $0 != slice.record } ?? false) { return false }
        }
        return true
    }

    /// The samples of its range that were not left out, frame by frame; those dropped for another reason
    /// are among them.
    var parts: [(frame: Frame, samples: Range<Int>)] {
        var parts: [(frame: Frame, samples: Range<Int>)] = []
        for slice in slices {
            var from = slice.from
            for run in slice.runs(of: omissions) {
                if from < run.samples.lowerBound {
                    parts.append((slice.frame, from..<run.samples.lowerBound))
                }
                from = max(from, run.samples.upperBound)
            }
            if from < slice.to { parts.append((slice.frame, from..<slice.to)) }
        }
        return parts
    }
}

extension PreparedRequest {
    /// A request that belongs to no place of a buffer.
    static func withoutSamples(
        _ body: [UInt8], of uncompressedBytes: Int, isSigned: Bool
    ) -> PreparedRequest {
        PreparedRequest(
            body: body, uncompressedBytes: uncompressedBytes,
            payloadHash: isSigned ? RequestScratch.hash(body) : "",
            end: BufferPosition(segment: 0, offset: 0), outcome: Outcomes(), sampleCount: 0,
            histogramCount: 0, droppedHistograms: [:],
            exemplarCount: 0, exemplarsOff: 0, oldestMs: 0, newestMs: 0, slices: [], omissions: [],
            isResend: false, triesAgain: false, isFullByBytes: false)
    }
}
