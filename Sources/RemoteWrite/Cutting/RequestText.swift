internal import MetricModel

/// What a request holds as text for the log: its first series, each with its value and its timestamp in
/// milliseconds.
enum RequestText {
    /// More is not shown: a line of a log is no place for a megabyte.
    static let limitBytes = 16 << 10

    static func text(_ request: PreparedRequest) -> String {
        var text = ""
        var shown = 0
        var all = 0
        for part in request.parts {
            all += part.samples.count
            for sample in part.samples {
                guard text.utf8.count < limitBytes else { break }
                if shown > 0 { text += "; " }
                text += line(sample, of: part.frame)
                shown += 1
            }
        }
        return all > shown ? "\(text); and \(all - shown) more" : text
    }

    private static func line(_ sample: Int, of frame: Frame) -> String {
        let name = DestinationLog.printable(LeftOutSeries.name(sample, of: frame))
        guard sample < frame.values.count - frame.absent.count else {
            return "\(name) stale \(frame.timestampMs)"
        }
        let walk = FrameWalk(frame, from: sample, count: 1)
        var timestampMs = frame.timestampMs
        if walk.ordinal == walk.nextSpecial {
            switch walk.special(at: walk.ordinal, of: frame, ownAgeMs: nil) {
            case .at(let ownMs), .rich(let ownMs): timestampMs = ownMs
            case .absent, .tooOld, .unwanted: break
            }
        }
        if walk.isHistogram(frame) { return "\(name) histogram \(timestampMs)" }
        let value = frame.values[walk.ordinal]
        let shown = value.bitPattern == StaleMarker.bits ? "stale" : "\(value)"
        return "\(name) \(shown) \(timestampMs)"
    }
}
