import Platform

/// What every exporter of a fleet exposes: the text around the numbers, made once, and how each number moves.
/// Numbers are a function of seed, exporter, series and scrape, so nothing is kept per series.
struct ExporterShape: Sendable {
    enum Kind {
        /// Whole numbers that only grow.
        case counter
        /// Hundredths, up and down.
        case gauge
        /// A share of a histogram's count in thousandths; 1,000 is `+Inf` and `_count`.
        case bucket(permille: UInt64)
        /// A histogram's sum, in thousandths.
        case sum
    }

    struct Series {
        /// Where the text in front of the number ends; it begins where that of the series before ended.
        let textEnd: Int
        /// Behind the opening brace, where a label that tells exporters apart goes.
        let insertAt: Int
        let kind: Kind
        let base: UInt64
        /// What one scrape adds; 0 for a number that stands still.
        let step: UInt64
    }

    private static let bounds: [(text: String, permille: UInt64)] = [
        ("0.005", 11), ("0.01", 52), ("0.025", 147), ("0.05", 301), ("0.1", 502), ("0.25", 719), ("0.5", 867),
        ("1", 951), ("2.5", 983), ("5", 996), ("10", 999), ("+Inf", 1_000),
    ]

    private(set) var text: [UInt8] = []
    private(set) var series: [Series] = []
    private var random: SplitMix64
    private let movingShare: Double
    private var owed = 0.0

    /// Exactly `count` series, `movingShare` of them with another number at each scrape (histograms move
    /// whole).
    init(count: Int, movingShare: Double, seed: UInt64) {
        random = SplitMix64(seed: seed)
        self.movingShare = movingShare
        var family = 0
        while series.count < count {
            let left = count - series.count
            switch family % 3 {
            case 0: addCounters(family, min(10, left))
            case 1: addGauges(family, min(8, left))
            case _ where left >= Self.bounds.count + 2: addHistogram(family)
            default: addGauges(family, min(8, left))
            }
            family += 1
        }
    }

    private mutating func addCounters(_ family: Int, _ count: Int) {
        let name = "standin_service\(family)_requests_total"
        begin("# HELP \(name) Requests that service \(family) has answered.\n# TYPE \(name) counter\n")
        let methods = ["GET", "POST"]
        for index in 0..<count {
            let labels =
                "code=\"\(200 + index / 2)\",handler=\"/api/v1/resource\",method=\"\(methods[index % 2])\""
            add(name, labels, .counter, step: moves(1) ? random.next() % 900 + 1 : 0)
        }
    }

    private mutating func addGauges(_ family: Int, _ count: Int) {
        let name = "standin_pool\(family)_temperature_celsius"
        begin("# HELP \(name) How warm the machines of pool \(family) are.\n# TYPE \(name) gauge\n")
        for index in 0..<count {
            let labels = "machine=\"node-\(index).pool\(family).example\",sensor=\"s\(index)\""
            add(name, labels, .gauge, step: moves(1) ? random.next() % 90 + 1 : 0)
        }
    }

    private mutating func addHistogram(_ family: Int) {
        let name = "standin_work\(family)_duration_seconds"
        begin("# HELP \(name) How long work of kind \(family) takes.\n# TYPE \(name) histogram\n")
        // A thousand or more a scrape, so that every bucket moves.
        let step = moves(Self.bounds.count + 2) ? random.next() % 1_000 + 1_000 : 0
        let base = random.next() % 1_000_000
        let labels = "kind=\"k\(family)\",queue=\"default\""
        for bound in Self.bounds {
            let all = "\(labels),le=\"\(bound.text)\""
            add("\(name)_bucket", all, .bucket(permille: bound.permille), base: base, step: step)
        }
        add("\(name)_sum", labels, .sum, base: base, step: step)
        add("\(name)_count", labels, .bucket(permille: 1_000), base: base, step: step)
    }

    /// Whether the next `size` series move: spread so that the share is kept as well as whole families allow.
    private mutating func moves(_ size: Int) -> Bool {
        owed += movingShare * Double(size)
        guard owed * 2 >= Double(size), movingShare > 0 else { return false }
        owed -= Double(size)
        return true
    }

    private mutating func begin(_ comments: String) { text += comments.utf8 }

    private mutating func add(
        _ name: String, _ labels: String, _ kind: Kind, base: UInt64? = nil, step: UInt64
    ) {
        text += name.utf8
        text.append(UInt8(ascii: "{"))
        let insertAt = text.count
        text += labels.utf8
        text += "} ".utf8
        series.append(
            Series(
                textEnd: text.count, insertAt: insertAt, kind: kind, base: base ?? random.next() % 1_000_000,
                step: step))
    }
}
