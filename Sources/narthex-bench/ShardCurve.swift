/// `prometheus_remote_storage_shards` over time, beside the delay of the answers.
struct ShardCurve {
    private var points: [(atNs: UInt64, shards: Double)] = []
    private var changes: [(atNs: UInt64, delayMs: Int64)] = []

    /// Requests that may be in flight now.
    static func shards(_ session: AgentSession) async throws -> Double {
        try await session.sum(of: "prometheus_remote_storage_shards")
    }

    mutating func note(_ shards: Double, atNs: UInt64) { points.append((atNs, shards)) }

    /// Answers take so long from now on.
    mutating func changed(toMs delayMs: Int64, atNs: UInt64) { changes.append((atNs, delayMs)) }

    /// Seconds after `sinceNs` until the window first had such a size; nil when it never had.
    func seconds(sinceNs: UInt64, until isReached: (Double) -> Bool) -> Double? {
        points.first { $0.atNs >= sinceNs && isReached($0.shards) }.map { Double($0.atNs - sinceNs) / 1e9 }
    }

    /// The largest size that the window was seen to have since `sinceNs`; 0 where nobody looked.
    func most(sinceNs: UInt64) -> Double { points.filter { $0.atNs >= sinceNs }.map(\.shards).max() ?? 0 }

    /// A drawing of both, 720 × 300.
    var svg: String {
        let startNs = changes.first?.atNs ?? 0
        let endNs = max(points.last?.atNs ?? 0, startNs + 1)
        let most = max(10, points.map(\.shards).max() ?? 0)
        let mostMs = Double(max(10, changes.map(\.delayMs).max() ?? 0))
        let (left, right, top, bottom) = (50.0, 670.0, 30.0, 250.0)
        func x(_ atNs: UInt64) -> Double {
            left + (right - left) * Double(max(atNs, startNs) - startNs) / Double(endNs - startNs)
        }
        func y(_ share: Double) -> Double { bottom - (bottom - top) * share }
        func text(_ x: Double, _ y: Double, _ anchor: String, _ text: String) -> String {
            "<text x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" text-anchor=\"\(anchor)\">\(text)</text>\n"
        }
        var steps: [String] = []
        for (index, change) in changes.enumerated() {
            let untilNs = index + 1 < changes.count ? changes[index + 1].atNs : endNs
            let height = Self.text(y(Double(change.delayMs) / mostMs))
            steps += ["\(Self.text(x(change.atNs))),\(height)", "\(Self.text(x(untilNs))),\(height)"]
        }
        let line = points.filter { $0.atNs >= startNs }.map {
            "\(Self.text(x($0.atNs))),\(Self.text(y($0.shards / most)))"
        }
        let seconds = Double(endNs - startNs) / 1e9
        var marks = ""
        for part in 0...4 {
            let share = Double(part) / 4
            marks += text(left - 6, y(share) + 4, "end", Self.text(most * share))
            marks += text(right + 6, y(share) + 4, "start", Self.text(mostMs * share))
            marks += text(left + (right - left) * share, bottom + 18, "middle", "\(Int(seconds * share)) s")
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" font-family="sans-serif" \
            font-size="12">
            <rect width="720" height="300" fill="white"/>
            <path d="M\(Self.text(left)),\(Self.text(top))V\(Self.text(bottom))H\(Self.text(right))\
            V\(Self.text(top))" fill="none" stroke="gray"/>
            \(marks)<polyline points="\(steps.joined(separator: " "))" fill="none" stroke="#c60" \
            stroke-dasharray="4 3"/>
            <polyline points="\(line.joined(separator: " "))" fill="none" stroke="#06c" stroke-width="2"/>
            \(text(left, 18, "start", "requests that may be in flight (left, blue)"))\
            \(text(right, 18, "end", "delay of answers in ms (right, dashed)"))\
            \(text((left + right) / 2, 290, "middle", "seconds"))</svg>

            """
    }

    /// One decimal, none where it is 0.
    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }
}
