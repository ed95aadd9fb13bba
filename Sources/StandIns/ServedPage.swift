/// One page that an exporter has given, whole: the kernel has taken its last byte.
public struct ServedPage: Sendable, Equatable {
    public let exporter: Int
    /// When the request had come, by the wall clock.
    public let startMs: Int64
    /// When the kernel had taken the last byte.
    public let endMs: Int64
    /// Samples on the page.
    public let samples: Int
    /// Whether it was in the format and the coding that the fleet is set to: the scraper had asked for them.
    public let isAsSet: Bool

    public init(exporter: Int, startMs: Int64, endMs: Int64, samples: Int, isAsSet: Bool = true) {
        self.exporter = exporter
        self.startMs = startMs
        self.endMs = endMs
        self.samples = samples
        self.isAsSet = isAsSet
    }

    /// A line for each: exporter, start, end, samples, 1 or 0 for whether it is as set.
    static func text(_ all: [ServedPage]) -> String {
        var text = ""
        for page in all {
            text += "\(page.exporter) \(page.startMs) \(page.endMs) \(page.samples) \(page.isAsSet ? 1 : 0)\n"
        }
        return text
    }

    /// What `GET /served` and `GET /served?from=NUMBER` on any port of a fleet answer; nil when it is
    /// something else.
    public static func all(in text: String) -> [ServedPage]? {
        var all: [ServedPage] = []
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let numbers = line.split(separator: UInt8(ascii: " ")).compactMap { Int64(Substring($0)) }
            guard numbers.count == 5 else { return nil }
            all.append(
                ServedPage(
                    exporter: Int(numbers[0]), startMs: numbers[1], endMs: numbers[2],
                    samples: Int(numbers[3]), isAsSet: numbers[4] != 0))
        }
        return all
    }
}
