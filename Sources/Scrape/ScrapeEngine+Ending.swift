import MetricModel

/// The end of series: of all that a target had, when a scrape fails and when the target is gone.
extension ScrapeEngine {
    /// Whether some series lack labels of the target's own, so that a target of other labels may have them,
    /// too. External labels are the same for all targets.
    func sharesSeries(_ state: ScrapeState) -> Bool {
        state.chunks.contains { chunk in
            chunk.exclusions.contains { $0.targetLabels.contains { !target.isExternal[Int($0)] } }
        }
    }

    /// The frame of a target that is gone: every series ends, the report's too, unless another target goes on
    /// with it. Nil when nothing awaits a marker.
    func removed(
        at timestampMs: Int64, after state: ScrapeState, goingOn: SeriesGoingOn = SeriesGoingOn()
    ) throws(ScrapeError) -> Prepared? {
        guard state.hasReported else { return nil }
        try checkClock(timestampMs, state)
        var next = state
        next.isLive = false
        next.hasReported = false
        next.lastTimestampMs = timestampMs
        let reported = ReportSeries.Values(
            isUp: false, durationSeconds: 0, samplesScraped: 0, samplesPostMetricRelabeling: 0, seriesAdded: 0
        )
        let markers = Array(repeating: StaleMarker.value, count: report.chunk.seriesCount)
        let frame = ending(state, timestampMs, report: markers, goingOn: goingOn)
        return frame.sampleCount == 0 ? nil : Prepared(frame: frame, next: next, report: reported)
    }

    /// A marker for every series that awaits one, and `column` for the report's.
    func ending(
        _ state: ScrapeState, _ timestampMs: Int64, report column: [Double],
        goingOn: SeriesGoingOn = SeriesGoingOn()
    ) -> Frame {
        var layout = Layout([detailSwitch.isOn ? report.describedChunk : report.chunk])
        var values: [Double] = []
        var absent: [UInt32] = []
        if state.isLive {
            layout = state.layout
            values = Array(repeating: StaleMarker.value, count: state.seriesCount)
            absent = withoutMarker(state, timestampMs)
            if !goingOn.series.isEmpty { absent = Set(absent).union(goingOn.series).sorted() }
            for ordinal in absent { values[Int(ordinal)] = 0 }
        }
        if goingOn.includesReport {
            absent += (0..<column.count).map { UInt32(values.count + $0) }
            values += column.map { _ in 0 }
        } else {
            values += column
        }
        return Frame(
            target: target, layout: layout, timestampMs: timestampMs, values: values, absent: absent,
            statesEachOnce: state.statesEachOnce)
    }
}
