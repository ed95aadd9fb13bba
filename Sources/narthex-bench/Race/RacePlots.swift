/// The drawings of a race: bars of what compares over all scenarios, and curves over time for each of them.
enum RacePlots {
    /// File names and their SVG. Agents have the same colour in all of them.
    static func all(_ results: [RaceResult], _ plan: RacePlan) -> [(name: String, svg: String)] {
        let agents = results.map(\.agent).reduce(into: [String]()) { names, name in
            if !names.contains(name) { names.append(name) }
        }
        let scenarios = RaceTable.scenarios(results)
        var plots: [(name: String, svg: String)] = []
        for (file, column) in [
            ("cpu", RaceColumn.cpuMicrosecondsPerSample), ("rss", .rssMeanMiB), ("wire", .wireBytesPerSample),
            ("disk", .diskBytesPerSample), ("lag", .lag99Seconds), ("missing", .missing),
            ("borne", .borneSeries),
        ] {
            let groups = scenarios.map { scenario in
                BarPlot.Group(
                    name: scenario,
                    values: agents.map { agent in
                        results.first { $0.agent == agent && $0.scenario == scenario }?.figures[column]
                    })
            }.filter { $0.values.contains { $0 != nil } }
            guard !groups.isEmpty else { continue }
            let plot = BarPlot(title: column.title, names: agents, groups: groups) { column.text($0) }
            plots.append(("\(file).svg", plot.svg))
        }
        for scenario in scenarios {
            for (file, title, value) in [
                ("rss", "RSS, MiB", \RaceResult.Point.rssMiB), ("cores", "CPU, cores", \.cores),
                ("samples", "samples a second at the endpoint", \.samplesPerSecond),
            ] {
                let lines = agents.map { agent in
                    LinePlot.Line(
                        name: agent,
                        points: results.first { $0.agent == agent && $0.scenario == scenario }?.points.map {
                            ($0.seconds, $0[keyPath: value])
                        } ?? [])
                }
                guard lines.contains(where: { $0.points.count > 1 }) else { continue }
                let plot = LinePlot(
                    title: "\(scenario): \(title)", lines: lines, events: plan.events(of: scenario))
                plots.append(("\(scenario)-\(file).svg", plot.svg))
            }
        }
        return plots
    }
}
