/// What a receiver has taken, series by series: 40 bytes and a hash table's slack each, unless it keeps more.
struct SampleLedger {
    /// The newest sample of a series.
    struct State {
        var timestampMs: Int64
        var value: Double
        /// Taken, duplicates not among them.
        var samples: UInt32
        /// Of `jobNames`.
        var job: UInt32
    }

    /// What is kept besides, when asked for: for tests with few series.
    struct Kept {
        let labels: [(name: String, value: String)]
        var history: [Int64: UInt64]
    }

    /// Milliseconds that a sample may be older than the newest of its series; AMP's default is a minute.
    let outOfOrderWindowMs: Int64
    /// Milliseconds that a sample may be older than now; nil for any age.
    let maxSampleAgeMs: Int64?
    /// Milliseconds that a sample may be newer than now.
    static let maxFutureMs: Int64 = 600_000
    let keepsHistory: Bool

    private(set) var series: [UInt64: State] = [:]
    private(set) var kept: [UInt64: Kept] = [:]
    private(set) var counts = AMPCounts()
    /// Samples taken by job, and which job has which number.
    private var jobSamples: [UInt64] = []
    private var jobNumbers: [String: UInt32] = [:]

    init(outOfOrderWindowMs: Int64, maxSampleAgeMs: Int64?, keepsHistory: Bool) {
        self.outOfOrderWindowMs = outOfOrderWindowMs
        self.maxSampleAgeMs = maxSampleAgeMs
        self.keepsHistory = keepsHistory
    }

    /// Takes what is good of a request. Returns the first refusal's words, nil when all of it was taken.
    mutating func take(_ request: DecodedRequest, nowMs: Int64) -> String? {
        var refusal: String?
        counts.metadata += UInt64(request.metadata)
        for one in request.series {
            counts.exemplars += UInt64(one.exemplars)
            counts.nativeHistograms += UInt64(one.histograms)
            // Labels that were taken once are right: only a new series is looked at.
            let job: UInt32
            if let known = series[one.key] {
                job = known.job
            } else if let fault = LabelRules.fault(request, one) {
                counts.labelFaults += UInt64(max(1, one.samples.count))
                refusal = refusal ?? fault
                continue
            } else {
                job = jobNumber(request, one)
            }
            if keepsHistory, kept[one.key] == nil {
                kept[one.key] = Kept(labels: request.strings(one), history: [:])
            }
            for sample in request.samples[one.samples] {
                switch take(sample, key: one.key, job: job, nowMs: nowMs) {
                case nil: jobSamples[Int(job)] += 1
                case .duplicate: break
                case .refused(let why):
                    refusal =
                        refusal
                        ?? "\(why). timestamp=\(sample.timestampMs), series=\(request.description(one))"
                }
            }
        }
        return refusal
    }

    /// The newest sample of the series with exactly these labels, whose order does not matter.
    func latest(_ labels: [(name: String, value: String)]) -> State? {
        series[SeriesKey.of(labels)]
    }

    /// Samples taken by job.
    var jobs: [String: UInt64] { jobNumbers.mapValues { jobSamples[Int($0)] }.filter { $0.value > 0 } }

    private enum Outcome {
        case duplicate
        case refused(String)
    }

    private mutating func take(
        _ sample: DecodedRequest.Sample, key: UInt64, job: UInt32, nowMs: Int64
    ) -> Outcome? {
        if let maxSampleAgeMs, sample.timestampMs < nowMs - maxSampleAgeMs {
            counts.tooOld += 1
            return .refused(
                "greater_than_max_sample_age: the sample is older than \(maxSampleAgeMs / 1_000) s")
        }
        if sample.timestampMs > nowMs + Self.maxFutureMs {
            counts.tooNew += 1
            return .refused("timestamp too far in the future")
        }
        // Remote write 1.0 marks the end of a series with this one NaN (prometheus/model/value).
        let isStale = sample.value.bitPattern == 0x7FF0_0000_0000_0002
        if var state = series[key] {
            let known = knownBits(key, state, sample.timestampMs)
            if let known, known == sample.value.bitPattern {
                counts.duplicates += 1
                return .duplicate
            }
            if known != nil {
                counts.conflicts += 1
                return .refused("duplicate sample for timestamp")
            }
            if sample.timestampMs < state.timestampMs {
                counts.outOfOrder += 1
                // A sender may claim any moment, so the distance may not fit.
                let (lateMs, overflows) = state.timestampMs.subtractingReportingOverflow(sample.timestampMs)
                guard !overflows, lateMs <= outOfOrderWindowMs else { return .refused("out of order sample") }
            } else {
                state.timestampMs = sample.timestampMs
                state.value = sample.value
            }
            state.samples &+= 1
            series[key] = state
        } else {
            series[key] = State(
                timestampMs: sample.timestampMs, value: sample.value, samples: 1, job: job)
        }
        counts.samples += 1
        if isStale { counts.staleMarkers += 1 }
        if keepsHistory { kept[key]?.history[sample.timestampMs] = sample.value.bitPattern }
        return nil
    }

    /// The value already taken for this moment, as far as it is remembered.
    private func knownBits(_ key: UInt64, _ state: State, _ timestampMs: Int64) -> UInt64? {
        if timestampMs == state.timestampMs { return state.value.bitPattern }
        return keepsHistory ? kept[key]?.history[timestampMs] : nil
    }

    private mutating func jobNumber(_ request: DecodedRequest, _ series: DecodedRequest.Series) -> UInt32 {
        let label = request.labels[series.labels].first { request.name($0).elementsEqual("job".utf8) }
        let name = label.map { String(decoding: request.value($0), as: UTF8.self) } ?? ""
        if let number = jobNumbers[name] { return number }
        let number = UInt32(jobSamples.count)
        jobNumbers[name] = number
        jobSamples.append(0)
        return number
    }
}
