/// One scrape of one target, as far as a receiver has it: the samples with one `instance` and one timestamp.
public struct ArrivedScrape: Sendable, Equatable {
    /// The label `instance`.
    public let instance: String
    public let timestampMs: Int64
    /// Different series that have come. Stale markers and the series that agents add by themselves are not
    /// among them.
    public let samples: Int
    /// Whether the agent has said with `up` that the scrape failed.
    public let isDown: Bool
    /// What the agent has said of the page; nil while one of the two series that say it has not come.
    public let counted: Counted?

    /// What an agent says of a page with series of its own that have the scrape's timestamp.
    public struct Counted: Sendable, Equatable {
        /// `scrape_samples_scraped`: samples on the page.
        public let scraped: Int
        /// `scrape_samples_post_metric_relabeling`: those of them that the agent has kept.
        public let kept: Int

        public init(scraped: Int, kept: Int) {
            self.scraped = scraped
            self.kept = kept
        }

        /// The two numbers with a slash between.
        var text: String { "\(scraped)/\(kept)" }

        /// Reads what `text` writes; nil for any other text.
        init?(text: Substring) {
            let numbers = text.split(separator: "/", omittingEmptySubsequences: false)
            guard numbers.count == 2, let scraped = UInt32(numbers[0]), let kept = UInt32(numbers[1]) else {
                return nil
            }
            self.init(scraped: Int(scraped), kept: Int(kept))
        }
    }

    public init(
        instance: String, timestampMs: Int64, samples: Int, isDown: Bool = false, counted: Counted? = nil
    ) {
        self.isDown = isDown
        self.instance = instance
        self.timestampMs = timestampMs
        self.samples = samples
        self.counted = counted
    }

    /// A line for each: timestamp, samples, `down` or `up`, what the agent has counted or `-`, instance.
    static func text(_ all: [ArrivedScrape]) -> String {
        var text = ""
        for one in all {
            text += "\(one.timestampMs) \(one.samples) \(one.isDown ? "down" : "up") "
            text += "\(one.counted?.text ?? "-") \(one.instance)\n"
        }
        return text
    }

    /// What `GET /arrivals` on the endpoint's port answers; nil when it is something else.
    public static func all(in text: String) -> [ArrivedScrape]? {
        var all: [ArrivedScrape] = []
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(
                separator: UInt8(ascii: " "), maxSplits: 4, omittingEmptySubsequences: false)
            guard words.count == 5, let timestampMs = Int64(Substring(words[0])),
                let samples = Int(Substring(words[1])), ["down", "up"].contains(Substring(words[2]))
            else { return nil }
            let counted = Counted(text: Substring(words[3]))
            guard counted != nil || Substring(words[3]) == "-" else { return nil }
            all.append(
                ArrivedScrape(
                    instance: String(Substring(words[4])), timestampMs: timestampMs, samples: samples,
                    isDown: Substring(words[2]) == "down", counted: counted))
        }
        return all
    }
}
