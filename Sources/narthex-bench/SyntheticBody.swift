/// Exposition text that moves as real exporters' does, the same in every run.
struct SyntheticBody {
    let name: String
    let seriesCount: Int
    private let lines: @Sendable (_ scrape: Int, _ text: inout [UInt8]) -> Void

    /// The body of one scrape.
    func text(scrape: Int) -> [UInt8] {
        var text: [UInt8] = []
        lines(scrape, &text)
        return text
    }

    /// Like a node_exporter's: families of some series with two or three labels, gauges and counters, mostly
    /// whole numbers, about 15 % of them moving.
    static let nodeExporter = SyntheticBody(name: "s", seriesCount: 1_960) { scrape, text in
        for family in 0..<98 {
            let name = "node_subsystem\(family % 14)_measure\(family)_total"
            text +=
                "# HELP \(name) Some count that the kernel keeps for each device.\n# TYPE \(name) counter\n"
                .utf8
            for series in 0..<20 {
                let number = family * 20 + series
                let moves = number % 20 < 3
                let value = 1_000 * number + (moves ? scrape * (1 + number % 7) : 0)
                let fraction = number % 10 == 0 ? ".\(number % 97)" : ""
                text +=
                    """
                    \(name){cpu="\(series)",device="/dev/nvme\(family % 4)n1",mode="m\(series % 5)"} \
                    \(value)\(fraction)\n
                    """
                    .utf8
            }
        }
    }

    /// Histograms of request durations by path: cumulative buckets of which the upper ones move with each
    /// request.
    static let histograms = histograms(name: "h", paths: 480)

    /// A quarter of it, for what takes long: each instruction by itself.
    static let fewHistograms = histograms(name: "fewer h", paths: 120)

    private static let bounds = [
        "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
    ]

    private static func histograms(name body: String, paths: Int) -> SyntheticBody {
        SyntheticBody(name: body, seriesCount: paths * 14) { scrape, text in
            let name = "http_request_duration_seconds"
            text += "# HELP \(name) How long requests take.\n# TYPE \(name) histogram\n".utf8
            for path in 0..<paths {
                let labels = "code=\"200\",handler=\"/api/v1/resource\(path)\",method=\"GET\""
                for (index, bound) in bounds.enumerated() {
                    let value = path * 17 + index * 100 + (index > 4 ? scrape * (1 + path % 3) : 0)
                    text += "\(name)_bucket{\(labels),le=\"\(bound)\"} \(value)\n".utf8
                }
                text += "\(name)_sum{\(labels)} \(Double(path) * 1.5 + Double(scrape) * 0.137)\n".utf8
                text += "\(name)_count{\(labels)} \(path * 17 + 1_100 + scrape * (1 + path % 3))\n".utf8
            }
        }
    }
}
