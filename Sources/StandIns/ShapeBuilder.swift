import Platform

/// Makes an `ExporterShape`.
struct ShapeBuilder {
    private static let bounds: [(text: String, bound: Double, permille: UInt64)] = [
        ("0.005", 0.005, 11), ("0.01", 0.01, 52), ("0.025", 0.025, 147), ("0.05", 0.05, 301),
        ("0.1", 0.1, 502), ("0.25", 0.25, 719), ("0.5", 0.5, 867), ("1", 1, 951), ("2.5", 2.5, 983),
        ("5", 5, 996), ("10", 10, 999),
    ]
    /// Buckets, sum and count.
    private static let histogramLines = bounds.count + 3

    private var text: [UInt8] = []
    private var messages: [UInt8] = []
    private var series: [ExporterShape.Series] = []
    private var families: [ExporterShape.Family] = []
    private var random: SplitMix64
    private let movingShare: Double
    private let growsBuckets: Bool
    private var owed = 0.0

    private init(movingShare: Double, seed: UInt64, growsBuckets: Bool) {
        random = SplitMix64(seed: seed)
        self.movingShare = movingShare
        self.growsBuckets = growsBuckets
    }

    static func shape(
        count: Int, movingShare: Double, seed: UInt64, churn: FleetChurn?
    ) -> ExporterShape {
        var builder = ShapeBuilder(
            movingShare: movingShare, seed: seed, growsBuckets: churn?.kind == .buckets)
        var newInFront = 0
        if let churn, churn.kind == .front {
            newInFront = churn.part(of: count)
            builder.addSessions(min(count, FleetChurn.frontScrapes * newInFront))
        }
        builder.addFamilies(count)
        if let churn, churn.kind == .lines { builder.moveLabels(churn.part(of: count)) }
        if let churn, churn.kind == .buckets { builder.keepGrowing(churn) }
        return ExporterShape(
            text: builder.text, messages: builder.messages, series: builder.series,
            families: builder.families, newInFront: newInFront, seed: seed)
    }

    private mutating func addFamilies(_ count: Int) {
        var family = 0
        var left = count - series.count
        while left > 0 {
            let size: Int
            switch family % 3 {
            case 0:
                size = min(10, left)
                addCounters(family, size)
            case 2 where left >= Self.histogramLines:
                size = Self.histogramLines
                addHistogram(family)
            default:
                size = min(8, left)
                addGauges(family, size)
            }
            left -= size
            family += 1
        }
    }

    private mutating func addSessions(_ count: Int) {
        guard count > 0 else { return }
        let name = "standin_session_bytes_total"
        begin(.counter, name, "Bytes of sessions, the newest first.", lines: count)
        for place in 0..<count {
            add(name, [("direction", "out")], .counter, base: 0, step: 0, label: .session(place: place))
        }
    }

    private mutating func addCounters(_ family: Int, _ count: Int) {
        let name = "standin_service\(family)_requests_total"
        begin(.counter, name, "Requests that service \(family) has answered.", lines: count)
        let methods = ["GET", "POST"]
        for index in 0..<count {
            let labels = [
                ("code", "\(200 + index / 2)"), ("handler", "/api/v1/resource"),
                ("method", methods[index % 2]),
            ]
            add(name, labels, .counter, step: moves(1) ? random.next() % 900 + 1 : 0)
        }
    }

    private mutating func addGauges(_ family: Int, _ count: Int) {
        let name = "standin_pool\(family)_temperature_celsius"
        begin(.gauge, name, "How warm the machines of pool \(family) are.", lines: count)
        for index in 0..<count {
            let labels = [("machine", "node-\(index).pool\(family).example"), ("sensor", "s\(index)")]
            add(name, labels, .gauge, step: moves(1) ? random.next() % 90 + 1 : 0)
        }
    }

    private mutating func addHistogram(_ family: Int) {
        let name = "standin_work\(family)_duration_seconds"
        let most = growsBuckets ? FleetChurn.mostBuckets : 0
        begin(
            .histogram, name, "How long work of kind \(family) takes.", lines: Self.histogramLines + most,
            extraLines: most)
        // A thousand or more a scrape, so that every bucket moves.
        let step = moves(Self.histogramLines) ? random.next() % 1_000 + 1_000 : 0
        let base = random.next() % 1_000_000
        let labels = [("kind", "k\(family)"), ("queue", "default")]
        for one in Self.bounds {
            let kind = ExporterShape.Kind.bucket(permille: one.permille, bound: one.bound)
            add("\(name)_bucket", labels, kind, le: one.text, base: base, step: step)
        }
        for growth in 0..<most {
            let bound = 20 * (growth + 1)
            let kind = ExporterShape.Kind.bucket(permille: 999, bound: Double(bound))
            add("\(name)_bucket", labels, kind, le: "\(bound)", base: base, step: step, growth: growth + 1)
        }
        let all = ExporterShape.Kind.bucket(permille: 1_000, bound: .infinity)
        add("\(name)_bucket", labels, all, le: "+Inf", base: base, step: step)
        add("\(name)_sum", labels, .sum, base: base, step: step)
        add("\(name)_count", labels, .count, base: base, step: step)
    }

    /// Whether the next `size` series move: spread so that the share is kept as well as whole families allow.
    private mutating func moves(_ size: Int) -> Bool {
        owed += movingShare * Double(size)
        guard owed * 2 >= Double(size), movingShare > 0 else { return false }
        owed -= Double(size)
        return true
    }

    /// Gives `count` lines a label that is new at each scrape: counters and gauges, and whole histograms as
    /// far as there are too few of those.
    private mutating func moveLabels(_ count: Int) {
        let histograms = families.filter { $0.type == .histogram }
        let others = families.filter { $0.type != .histogram }.flatMap(\.lines)
        let missing = max(0, count - others.count)
        let whole = min(
            histograms.count, (missing + Self.histogramLines - 1) / Self.histogramLines,
            count / Self.histogramLines)
        for (index, family) in histograms.enumerated()
        where FleetChurn.isChosen(index, of: histograms.count, whole) {
            for line in family.lines { series[line].movingLabel = .churn }
        }
        let single = min(others.count, count - whole * Self.histogramLines)
        for (index, line) in others.enumerated() where FleetChurn.isChosen(index, of: others.count, single) {
            series[line].movingLabel = .churn
        }
    }

    /// Lets a share of the histograms grow, each from another point on.
    private mutating func keepGrowing(_ churn: FleetChurn) {
        let histograms = families.indices.filter { families[$0].type == .histogram }
        let growing = churn.part(of: histograms.count)
        for (index, family) in histograms.enumerated() {
            let grows = FleetChurn.isChosen(index, of: histograms.count, growing)
            families[family].startGrowth = grows ? index % (FleetChurn.mostBuckets + 1) : nil
        }
    }

    private mutating func begin(
        _ type: ExporterShape.FamilyType, _ name: String, _ help: String, lines: Int,
        extraLines: Int = 0
    ) {
        // OpenMetrics names a counter without the suffix of its samples.
        let openName = type == .counter ? String(name.dropLast("_total".count)) : name
        families.append(
            ExporterShape.Family(
                type: type, comments: addText("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"),
                openComments: addText("# HELP \(openName) \(help)\n# TYPE \(openName) \(type)\n"),
                fields: addMessage { messages in
                    Self.appendField(1, name, to: &messages)
                    Self.appendField(2, help, to: &messages)
                    messages += [0x18, UInt8(type.rawValue)]
                }, lines: series.count..<series.count + lines, extraLines: extraLines))
    }

    private mutating func add(
        _ name: String, _ labels: [(String, String)], _ kind: ExporterShape.Kind, le: String? = nil,
        base: UInt64? = nil, step: UInt64, label: ExporterShape.MovingLabel = .none, growth: Int = 0
    ) {
        let written = labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
        let head = addText("\(name){")
        let range = addText(written + (le.map { ",le=\"\($0)\"" } ?? "") + "} ")
        var openRange = range
        // OpenMetrics writes bounds as floats.
        if let le, le != "+Inf", !le.contains(".") { openRange = addText("\(written),le=\"\(le).0\"} ") }
        series.append(
            ExporterShape.Series(
                head: head, labels: range, openLabels: openRange,
                pairs: addMessage { messages in
                    for (name, value) in labels { Self.appendPair(name, value, to: &messages) }
                }, kind: kind, base: base ?? random.next() % 1_000_000, step: step, movingLabel: label,
                growth: growth))
    }

    private mutating func addText(_ added: String) -> Range<Int> {
        let start = text.count
        text += added.utf8
        return start..<text.count
    }

    private mutating func addMessage(_ add: (inout [UInt8]) -> Void) -> Range<Int> {
        let start = messages.count
        add(&messages)
        return start..<messages.count
    }

    /// A LabelPair as the field `label` of a Metric. Names and values are shorter than 100 bytes together.
    static func appendPair(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        var pair: [UInt8] = []
        appendField(1, name, to: &pair)
        appendField(2, value, to: &pair)
        bytes += [0x0A, UInt8(pair.count)]
        bytes += pair
    }

    /// A string field of fewer than 128 bytes.
    private static func appendField(_ number: UInt8, _ value: String, to bytes: inout [UInt8]) {
        bytes += [number << 3 | 2, UInt8(value.utf8.count)]
        bytes += value.utf8
    }
}
