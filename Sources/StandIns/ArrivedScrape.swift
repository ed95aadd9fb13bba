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

    public init(instance: String, timestampMs: Int64, samples: Int, isDown: Bool = false) {
        self.isDown = isDown
        self.instance = instance
        self.timestampMs = timestampMs
        self.samples = samples
    }

    /// A line for each: timestamp, samples, `down` or `up`, instance.
    static func text(_ all: [ArrivedScrape]) -> String {
        var text = ""
        for one in all {
            text += "\(one.timestampMs) \(one.samples) \(one.isDown ? "down" : "up") \(one.instance)\n"
        }
        return text
    }

    /// What `GET /arrivals` on the endpoint's port answers; nil when it is something else.
    public static func all(in text: String) -> [ArrivedScrape]? {
        var all: [ArrivedScrape] = []
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(
                separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
            guard words.count == 4, let timestampMs = Int64(Substring(words[0])),
                let samples = Int(Substring(words[1])), ["down", "up"].contains(Substring(words[2]))
            else { return nil }
            all.append(
                ArrivedScrape(
                    instance: String(Substring(words[3])), timestampMs: timestampMs, samples: samples,
                    isDown: Substring(words[2]) == "down"))
        }
        return all
    }
}
