/// What a receiver has taken, series by series: 40 bytes and the slack of a table of 12 bytes a slot, unless
/// it keeps more.
struct SampleLedger {
    /// The newest sample of a series.
    struct State {
        var timestampMs: Int64
        var value: Double
        /// Taken, duplicates not among them.
        var samples: UInt32
        /// Of `jobSamples`.
        let job: UInt32
        /// Of `arrivals`: the target, and which of its series this is; `firstOwnSeries` or more when the
        /// agent has made it.
        let instance: UInt32
        let index: UInt32
    }

    /// Indexes of the series that agents add by themselves: `scrape_samples_post_metric_relabeling`,
    /// `scrape_samples_scraped`, `up` and any other. No target has so many series.
    private static let keptSeries = UInt32.max - 3
    private static let scrapedSeries = UInt32.max - 2
    private static let upSeries = UInt32.max - 1
    private static let otherOwnSeries = UInt32.max
    private static let firstOwnSeries = keptSeries

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

    /// In the order in which they came first.
    private(set) var series: [State] = []
    /// Numbers of series by the key of their labels.
    private var table = SeriesTable()
    /// The same by the hash of their encoded labels; a series that senders encode differently has several.
    private var encodedTable = SeriesTable()
    /// The hash with which each series came first, in the order of `series`: requests have series in the same
    /// order time after time, so the next one is nearly always the one behind the last.
    private var encodedHashes: [UInt64] = []
    /// Nobody outside can make two hashes equal.
    let seed = UInt64.random(in: .min ... .max)
    private(set) var kept: [UInt64: Kept] = [:]
    private(set) var counts = AMPCounts()
    /// Samples taken by job, and which job has which number.
    private var jobSamples: [UInt64] = []
    private var jobNumbers: [String: UInt32] = [:]

    /// Nil unless they are kept.
    private(set) var arrivals: Arrivals?

    /// With `keepsArrivals` a sample that is sent again is a duplicate however old it is, and `arrivals`
    /// tells what has come of each scrape.
    init(
        outOfOrderWindowMs: Int64, maxSampleAgeMs: Int64?, keepsHistory: Bool, keepsArrivals: Bool = false
    ) {
        arrivals = keepsArrivals ? Arrivals() : nil
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
            var number = table[one.key]
            if number == nil, let fault = LabelRules.fault(request, one) {
                counts.labelFaults += UInt64(max(1, one.samples.count))
                refusal = refusal ?? fault
                continue
            }
            if keepsHistory, kept[one.key] == nil {
                kept[one.key] = Kept(labels: request.strings(one), history: [:])
            }
            for sample in request.samples[one.samples] {
                if let why = limits(sample, nowMs: nowMs) {
                    refusal = refusal ?? Self.words(why, sample, request, one)
                    continue
                }
                let known = number ?? add(request, one)
                number = known
                switch take(sample, known, key: one.key) {
                case nil: jobSamples[Int(series[known].job)] += 1
                case .duplicate: break
                case .refused(let why):
                    refusal = refusal ?? Self.words(why, sample, request, one)
                }
            }
        }
        return refusal
    }

    /// The same for a request whose labels are not decoded. Throws, and takes nothing, when the labels of a
    /// series that has not come before cannot be read. Not for a ledger that keeps histories.
    mutating func take(
        _ request: WalkedRequest, of message: [UInt8], nowMs: Int64
    ) throws(WriteRequestDecoder.Failure) -> String? {
        precondition(!keepsHistory, "histories are kept of decoded requests")
        var fresh: [Int: DecodedRequest] = [:]
        var numbers: [Int] = []
        numbers.reserveCapacity(request.series.count)
        var expected = 0
        for (index, one) in request.series.enumerated() {
            if expected < encodedHashes.count, encodedHashes[expected] == one.labelHash {
                numbers.append(expected)
            } else if let known = encodedTable[one.labelHash] {
                numbers.append(known)
                expected = known
            } else {
                fresh[index] = try WriteRequestDecoder.decode(plain: Array(message[one.field]))
                numbers.append(-1)
                continue
            }
            expected += 1
        }
        var refusal: String?
        for (index, one) in request.series.enumerated() {
            if numbers[index] < 0, let decoded = fresh[index], let labels = decoded.series.first {
                let why = takeNew(decoded, labels, hash: one.labelHash, nowMs: nowMs)
                refusal = refusal ?? why
                continue
            }
            for sample in request.samples[one.samples] {
                guard let why = takeKnown(sample, numbers[index], nowMs: nowMs) else { continue }
                if refusal == nil {
                    let decoded = try WriteRequestDecoder.decode(plain: Array(message[one.field]))
                    refusal = decoded.series.first.map { Self.words(why, sample, decoded, $0) }
                }
            }
        }
        return refusal
    }

    /// Takes a series that is new, or is known and encoded differently; why it is refused.
    private mutating func takeNew(
        _ decoded: DecodedRequest, _ labels: DecodedRequest.Series, hash: UInt64, nowMs: Int64
    ) -> String? {
        let refusal = take(decoded, nowMs: nowMs)
        if let number = table[labels.key] {
            encodedTable.set(hash, to: number)
            if encodedHashes[number] == 0 { encodedHashes[number] = hash }
        }
        return refusal
    }

    /// Why a sample of a known series is refused; nil when it was taken or has come before.
    private mutating func takeKnown(
        _ sample: DecodedRequest.Sample, _ number: Int, nowMs: Int64
    ) -> String? {
        if let why = limits(sample, nowMs: nowMs) { return why }
        switch take(sample, number, key: 0) {
        case nil:
            jobSamples[Int(series[number].job)] += 1
            return nil
        case .duplicate: return nil
        case .refused(let why): return why
        }
    }

    /// The newest sample of the series with exactly these labels, whose order does not matter.
    func latest(_ labels: [(name: String, value: String)]) -> State? {
        table[SeriesKey.of(labels)].map { series[$0] }
    }

    /// Nil unless arrivals are kept.
    mutating func arrivalChanges(since cursor: UInt64) -> ArrivalChanges? {
        arrivals?.changes(since: cursor)
    }

    /// Samples taken by job.
    var jobs: [String: UInt64] { jobNumbers.mapValues { jobSamples[Int($0)] }.filter { $0.value > 0 } }

    private enum Outcome {
        case duplicate
        case refused(String)
    }

    private static func words(
        _ why: String, _ sample: DecodedRequest.Sample, _ request: DecodedRequest,
        _ one: DecodedRequest.Series
    ) -> String {
        "\(why). timestamp=\(sample.timestampMs), series=\(request.description(one))"
    }

    /// Why a sample of any series is refused; nil when its age is right.
    private mutating func limits(_ sample: DecodedRequest.Sample, nowMs: Int64) -> String? {
        if let maxSampleAgeMs, sample.timestampMs < nowMs - maxSampleAgeMs {
            counts.tooOld += 1
            return "greater_than_max_sample_age: the sample is older than \(maxSampleAgeMs / 1_000) s"
        }
        if sample.timestampMs > nowMs + Self.maxFutureMs {
            counts.tooNew += 1
            return "timestamp too far in the future"
        }
        return nil
    }

    private mutating func take(_ sample: DecodedRequest.Sample, _ number: Int, key: UInt64) -> Outcome? {
        // Remote write 1.0 marks the end of a series with this one NaN (prometheus/model/value).
        let isStale = sample.value.bitPattern == 0x7FF0_0000_0000_0002
        let state = series[number]
        if state.samples > 0 {
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
                if !isStale, state.index < Self.firstOwnSeries,
                    arrivals?.has(state.instance, state.index, sample.timestampMs) == true
                {
                    counts.duplicates += 1
                    return .duplicate
                }
                counts.outOfOrder += 1
                // A sender may claim any moment, so the distance may not fit.
                let (lateMs, overflows) = state.timestampMs.subtractingReportingOverflow(sample.timestampMs)
                guard !overflows, lateMs <= outOfOrderWindowMs else { return .refused("out of order sample") }
            }
        }
        if state.samples == 0 || sample.timestampMs > state.timestampMs {
            series[number].timestampMs = sample.timestampMs
            series[number].value = sample.value
        }
        series[number].samples &+= 1
        counts.samples += 1
        if isStale {
            counts.staleMarkers += 1
        } else if state.index < Self.firstOwnSeries {
            arrivals?.note(state.instance, state.index, sample.timestampMs)
        } else {
            noteOwn(sample, of: state)
        }
        if keepsHistory { kept[key]?.history[sample.timestampMs] = sample.value.bitPattern }
        return nil
    }

    /// Notes what an agent says of a scrape with a series of its own. A value that is no count says nothing.
    private mutating func noteOwn(_ sample: DecodedRequest.Sample, of state: State) {
        switch state.index {
        case Self.upSeries:
            if sample.value == 0 { arrivals?.noteDown(state.instance, sample.timestampMs) }
        case Self.scrapedSeries:
            guard let samples = UInt32(exactly: sample.value) else { return }
            arrivals?.noteScraped(state.instance, sample.timestampMs, samples: samples)
        case Self.keptSeries:
            guard let samples = UInt32(exactly: sample.value) else { return }
            arrivals?.noteKept(state.instance, sample.timestampMs, samples: samples)
        default: break
        }
    }

    /// Enters a series whose labels are right.
    private mutating func add(_ request: DecodedRequest, _ one: DecodedRequest.Series) -> Int {
        let instance = arrivals?.instance(Self.value(of: "instance", request, one)) ?? 0
        let name = Self.value(of: "__name__", request, one)
        let index =
            LabelRules.isOfAgents(name) ? Self.ownIndex(name) : arrivals?.addSeries(to: instance) ?? 0
        series.append(
            State(
                timestampMs: 0, value: 0, samples: 0, job: jobNumber(request, one), instance: instance,
                index: index))
        encodedHashes.append(0)
        table.set(one.key, to: series.count - 1)
        return series.count - 1
    }

    /// The index of a series that agents add by themselves.
    private static func ownIndex(_ metricName: String) -> UInt32 {
        switch metricName {
        case "up": upSeries
        case "scrape_samples_scraped": scrapedSeries
        case "scrape_samples_post_metric_relabeling": keptSeries
        default: otherOwnSeries
        }
    }

    private static func value(
        of name: String, _ request: DecodedRequest, _ series: DecodedRequest.Series
    ) -> String {
        let label = request.labels[series.labels].first { request.name($0).elementsEqual(name.utf8) }
        return label.map { String(decoding: request.value($0), as: UTF8.self) } ?? ""
    }

    /// The value already taken for this moment, as far as it is remembered.
    private func knownBits(_ key: UInt64, _ state: State, _ timestampMs: Int64) -> UInt64? {
        if timestampMs == state.timestampMs { return state.value.bitPattern }
        return keepsHistory ? kept[key]?.history[timestampMs] : nil
    }

    private mutating func jobNumber(_ request: DecodedRequest, _ series: DecodedRequest.Series) -> UInt32 {
        let name = Self.value(of: "job", request, series)
        if let number = jobNumbers[name] { return number }
        let number = UInt32(jobSamples.count)
        jobNumbers[name] = number
        jobSamples.append(0)
        return number
    }
}
