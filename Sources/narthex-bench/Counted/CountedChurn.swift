import MetricModel
import Scrape
import WriteAheadBuffer

/// Scrapes of a page of which a tenth changes each time, until their frames are in the buffer.
struct CountedChurn {
    private static let share = 0.1
    /// Scrapes before the counted ones. A page that changes is read by the order of its lines from the third
    /// scrape or so on, and chunks that hold few series are joined once there are several of them.
    private static let warmUpScrapes = 12

    private let kind: Churn.Kind
    private let isProtobuf: Bool
    private let rounds: Int
    private let body: SyntheticBody
    private let buffer: WriteAheadBuffer
    private let scrape: TargetScrape

    /// The buffer is made in `folder`. `isProtobuf` is for pages that `MessagePage` can write.
    init(_ kind: Churn.Kind, isProtobuf: Bool = false, rounds: Int, folder: String) throws {
        // Before the first target, which takes the key.
        HashKey.fix(seed: 1)
        self.kind = kind
        self.isProtobuf = isProtobuf
        self.rounds = rounds
        // The other page has no histogram whose buckets could grow.
        body = kind == .buckets ? .fewHistograms : .nodeExporter
        buffer = try CountedStages.buffer(in: folder)
        scrape = TargetScrape(target: CountedStages.target)
    }

    func run() throws -> CountedStages.Count {
        let churn = Churn(kind: kind, share: Self.share)
        let pages = (0..<Self.warmUpScrapes + rounds).map { round in
            let text = churn.apply(to: body.text(scrape: round), scrape: round, target: 0)
            return isProtobuf ? MessagePage.messages(of: text) : text
        }
        for round in 0..<Self.warmUpScrapes { _ = try consume(pages[round], round) }
        var samples = 0
        try countedStage {
            for round in Self.warmUpScrapes..<pages.count { samples += try consume(pages[round], round) }
        }
        return CountedStages.Count(
            stage: isProtobuf ? "messages" : kind.rawValue, samples: samples, units: rounds)
    }

    /// The samples of the frame; stale markers are samples, too.
    private func consume(_ page: [UInt8], _ round: Int) throws -> Int {
        let timeMs = CountedStages.timeMs(ofScrape: round)
        // Safety: every element is a byte, and the array lives through the call.
        let frame =
            unsafe isProtobuf
            ? try scrape.consume(protobuf: page.span.bytes, at: timeMs)
            : try scrape.consume(page.span.bytes, at: timeMs)
        try buffer.append(frame)
        return frame.sampleCount
    }
}
