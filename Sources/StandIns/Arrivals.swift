/// Which samples have come, exactly: a bit for each series of a target at each timestamp. So a sample that is
/// sent again is known for one however old it is, which the newest sample of a series alone does not tell.
struct Arrivals {
    private struct Scrape {
        let timestampMs: Int64
        /// Of `words`.
        var first: Int
        var capacity: Int
        var samples = 0
        /// Whether the agent has said that the scrape failed.
        var isDown = false
        /// Samples on the page and those kept of them, as the agent has counted them.
        var scraped: UInt32?
        var kept: UInt32?
        /// The revision in which something of it came last.
        var changedIn: UInt64 = 0

        mutating func addSample(in revision: UInt64) {
            samples += 1
            changedIn = revision
        }

        var counted: ArrivedScrape.Counted? {
            guard let scraped, let kept else { return nil }
            return ArrivedScrape.Counted(scraped: Int(scraped), kept: Int(kept))
        }

        /// Whether there is something to tell. That an agent has kept all of a page says nothing as long as
        /// no sample of it has come.
        var isTold: Bool { samples > 0 || isDown || counted.map { $0.kept < $0.scraped } ?? false }
    }

    private struct Instance {
        let name: String
        var series = 0
        var scrapes: [Scrape] = []
        /// The scrape of the last sample, which is nearly always that of the next.
        var last = 0
    }

    private var instances: [Instance] = []
    private var numbers: [String: UInt32] = [:]
    /// The bits of all scrapes.
    private var words: [UInt64] = []
    /// Goes up by one with each question for changes.
    private var revision: UInt64 = 0

    /// The number of a target, new or known.
    mutating func instance(_ name: String) -> UInt32 {
        if let number = numbers[name] { return number }
        let number = UInt32(instances.count)
        numbers[name] = number
        instances.append(Instance(name: name))
        return number
    }

    /// The number of a series that this target has not had before.
    mutating func addSeries(to instance: UInt32) -> UInt32 {
        instances[Int(instance)].series += 1
        return UInt32(instances[Int(instance)].series - 1)
    }

    /// Whether this sample has come before.
    func has(_ instance: UInt32, _ series: UInt32, _ timestampMs: Int64) -> Bool {
        guard let scrape = find(Int(instance), timestampMs) else { return false }
        let place = instances[Int(instance)].scrapes[scrape]
        let word = Int(series) / 64
        return word < place.capacity && words[place.first + word] >> (UInt64(series) % 64) & 1 == 1
    }

    /// Takes a sample that has not come before.
    mutating func note(_ instance: UInt32, _ series: UInt32, _ timestampMs: Int64) {
        let (number, scrape) = place(instance, timestampMs)
        instances[number].last = scrape
        let word = Int(series) / 64
        if word >= instances[number].scrapes[scrape].capacity { widen(number, scrape) }
        words[instances[number].scrapes[scrape].first + word] |= 1 << (UInt64(series) % 64)
        instances[number].scrapes[scrape].addSample(in: revision)
    }

    /// The agent says with `up` that its scrape of this moment failed.
    mutating func noteDown(_ instance: UInt32, _ timestampMs: Int64) {
        let (number, scrape) = place(instance, timestampMs)
        instances[number].scrapes[scrape].isDown = true
        instances[number].scrapes[scrape].changedIn = revision
    }

    /// The agent says with `scrape_samples_scraped` how many samples the page of this moment had. What it
    /// said first counts.
    mutating func noteScraped(_ instance: UInt32, _ timestampMs: Int64, samples: UInt32) {
        let (number, scrape) = place(instance, timestampMs)
        guard instances[number].scrapes[scrape].scraped == nil else { return }
        instances[number].scrapes[scrape].scraped = samples
        instances[number].scrapes[scrape].changedIn = revision
    }

    /// The agent says with `scrape_samples_post_metric_relabeling` how many samples of the page of this
    /// moment it has kept. What it said first counts.
    mutating func noteKept(_ instance: UInt32, _ timestampMs: Int64, samples: UInt32) {
        let (number, scrape) = place(instance, timestampMs)
        guard instances[number].scrapes[scrape].kept == nil else { return }
        instances[number].scrapes[scrape].kept = samples
        instances[number].scrapes[scrape].changedIn = revision
    }

    /// Every scrape of which something has come, oldest first for each target. A scrape of which only the
    /// agent's counts have come is among them when the agent has kept less than it has scraped.
    var scrapes: [ArrivedScrape] { scrapes(changedFrom: 0) }

    /// The scrapes of which something has come since the question that gave `cursor` as its `next`: all of
    /// them for 0. The work is small where little has come, so that it can be asked for every second.
    mutating func changes(since cursor: UInt64) -> ArrivalChanges {
        let changed = scrapes(changedFrom: cursor)
        revision += 1
        return ArrivalChanges(next: revision, scrapes: changed)
    }

    private func scrapes(changedFrom first: UInt64) -> [ArrivedScrape] {
        instances.flatMap { instance in
            let told = instance.scrapes.filter { $0.changedIn >= first && $0.isTold }
            return told.sorted { $0.timestampMs < $1.timestampMs }.map {
                ArrivedScrape(
                    instance: instance.name, timestampMs: $0.timestampMs, samples: $0.samples,
                    isDown: $0.isDown, counted: $0.counted)
            }
        }
    }

    /// Where a target and its scrape of this moment are, which may be new.
    private mutating func place(_ instance: UInt32, _ timestampMs: Int64) -> (number: Int, scrape: Int) {
        let number = Int(instance)
        return (number, find(number, timestampMs) ?? add(number, timestampMs))
    }

    private func find(_ number: Int, _ timestampMs: Int64) -> Int? {
        let last = instances[number].last
        if last < instances[number].scrapes.count,
            instances[number].scrapes[last].timestampMs == timestampMs
        {
            return last
        }
        return instances[number].scrapes.lastIndex { $0.timestampMs == timestampMs }
    }

    private mutating func add(_ number: Int, _ timestampMs: Int64) -> Int {
        let capacity = Self.words(for: instances[number].series)
        instances[number].scrapes.append(
            Scrape(timestampMs: timestampMs, first: words.count, capacity: capacity))
        words.append(contentsOf: repeatElement(0, count: capacity))
        return instances[number].scrapes.count - 1
    }

    /// Series have come since the scrape began: its bits move to a larger place, and the old one stays empty.
    private mutating func widen(_ number: Int, _ scrape: Int) {
        let old = instances[number].scrapes[scrape]
        let capacity = Self.words(for: instances[number].series + instances[number].series / 4)
        let first = words.count
        words.append(contentsOf: repeatElement(0, count: capacity))
        for word in 0..<old.capacity { words[first + word] = words[old.first + word] }
        instances[number].scrapes[scrape].first = first
        instances[number].scrapes[scrape].capacity = capacity
    }

    private static func words(for series: Int) -> Int { series / 64 + 1 }
}
