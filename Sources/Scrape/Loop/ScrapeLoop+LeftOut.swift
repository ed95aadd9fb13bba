import Logging
import Telemetry

/// What a scrape that succeeded left out, in metrics, state and log.
extension ScrapeLoop {
    func noteLeftOut(_ prepared: ScrapeEngine.Prepared) {
        guard prepared.report.isUp else { return }
        let shed = prepared.next.shed
        let skipped = shed.refusedCount + prepared.skippedLines
        let reason = skipped > 0 ? shed.firstRefusal ?? "lines at the end are not in the format" : nil
        if shed.shedCount > 0 {
            context.metrics.sampleLimit.add()
            context.metrics.shed.count(shed.shedCount, label: shed.grownLabel)
        }
        if skipped > 0 { context.metrics.countSkipped(skipped) }
        let before = changeState { state in
            let before = (label: state.shedLabel, isShedding: state.shedSamples > 0, state.skippedReason)
            state.shedSamples = shed.shedCount
            state.shedLabel = shed.grownLabel
            state.skippedLines = skipped
            state.skippedReason = reason
            return before
        }
        // Once for each change, not once for each scrape.
        if shed.shedCount > 0, !before.isShedding || before.label != shed.grownLabel {
            context.logger.warning(
                "sample_limit met: series that are new are left out",
                metadata: [
                    "target": "\(target.url)", "shed": "\(shed.shedCount)",
                    "label": "\(shed.grownLabel ?? "")",
                ])
        }
        if let reason, before.2 != reason {
            context.logger.warning(
                "lines of a scrape are left out",
                metadata: ["target": "\(target.url)", "lines": "\(skipped)", "err": "\(reason)"])
        }
    }
}
