import Logging
import MetricModel
import Platform
import Telemetry

/// What a scrape came to and what it left out, in metrics, state and log.
extension ScrapeLoop {
    /// What a scrape came to, in metrics, state and log.
    func note(_ outcome: Outcome, timestampMs: Int64) {
        let metrics = context.metrics
        metrics.duration.observe(outcome.durationSeconds)
        if let prepared = outcome.prepared {
            metrics.parsedLines.add(UInt64(prepared.parsedLines))
            noteLeftOut(prepared)
            if !prepared.leftOut.isEmpty { noteDropped(prepared) }
            metrics.samples.add(UInt64(prepared.report.samplesScraped))
        }
        // The buffer itself tells of what it does not take, and not for each target.
        let fault = outcome.error?.code == .append ? nil : outcome.error?.code
        let told = changeState { state in
            let told = state.toldFault
            if fault != nil || outcome.error == nil { state.toldFault = fault }
            state.health = outcome.error == nil ? .up : .down
            state.lastError = outcome.error
            state.lastScrapeMs = timestampMs
            state.lastScrapeDurationSeconds = outcome.durationSeconds
            if outcome.error == nil { state.samples = outcome.prepared?.report.samplesScraped ?? 0 }
            return told
        }
        guard let error = outcome.error else {
            if told != nil {
                context.logger.info("scrape works again", metadata: ["target": "\(target.url)"])
            }
            return
        }
        metrics.countFailure(error.code)
        do {
            try context.failureLog?.write(
                job: context.job, target: target.url, error: "\(error)", wallMs: timestampMs)
        } catch {
            context.logger.warning(
                "scrape_failure_log_file cannot be written", metadata: ["err": "\(error)"])
        }
        // Once for each fault, not once for each scrape.
        if let fault, told != fault {
            context.logger.warning(
                "scrape failed",
                metadata: ["target": "\(target.url)", "err": "\(error)", "reason": "\(error.code.rawValue)"])
        }
    }

    /// Samples left out for their timestamps or as repetitions: at most one line in the log for all of them.
    func noteDropped(_ prepared: ScrapeEngine.Prepared) {
        let samples = prepared.leftOut
        context.metrics.countDropped(samples)
        guard let ordinal = shown(of: samples) else { return }
        let frame = prepared.frame
        let series = frame.layout.labels(ofSeries: Int(ordinal), target: frame.target)?.description ?? ""
        var metadata: Logger.Metadata = [
            "target": "\(target.url)", "num_dropped": .stringConvertible(samples.total),
            "series": "\(String(decoding: series.utf8.prefix(Self.mostSeriesBytes), as: UTF8.self))",
        ]
        for reason in samples.reasons { metadata[reason.rawValue] = .stringConvertible(samples[reason]) }
        context.logger.warning("samples of a scrape are left out", metadata: metadata)
    }

    /// Targets make up labels of any length, and the log is no place for them.
    private static let mostSeriesBytes = 500

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
        if prepared.memoryShedCount > 0 {
            context.metrics.memoryShed.add(UInt64(prepared.memoryShedCount))
            if context.memoryLog.isDue(nowNs: context.clock.monotonicNs) {
                context.logger.warning(
                    "memory is short: series that are new are left out, of this target and maybe of others",
                    metadata: ["target": "\(target.url)", "shed": "\(prepared.memoryShedCount)"])
            }
        }
        let before = changeState { state in
            let before = (label: state.shedLabel, isShedding: state.shedSamples > 0, state.skippedReason)
            state.shedSamples = shed.shedCount
            state.shedLabel = shed.grownLabel
            state.memoryShedSamples = prepared.memoryShedCount
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
                metadata: [
                    "target": "\(target.url)", "lines": .stringConvertible(skipped), "err": "\(reason)",
                ])
        }
    }
}
