import Configuration
import MetricModel
import Platform
import Testing

@testable import Scrape

/// What lines take whose series are left out because memory is short.
@Suite struct ShedLinesTests {
    private let room = MemoryRoom()
    private let gate: SeriesGate

    init() { gate = SeriesGate(room: room) }

    private func scrape() -> TargetScrape {
        TargetScrape(target: plainTarget(), rules: SeriesRules(), gate: gate)
    }

    private func page(_ ids: some Sequence<Int>) -> String {
        ids.map { "metric{number=\"\($0 + 1_000_000)\"} 1\n" }.joined()
    }

    private func delivered(_ frame: Frame) -> Int {
        frame.samples().count { $0.bits != StaleMarker.bits }
    }

    @Test func theyTakeFromTheRoom() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        gate.shedsNewSeries = true
        room.set(leftBytes: 10 << 20)
        #expect(delivered(try scrape.consume(page(0..<20_010), at: 2)) == 10)
        let taken = (10 << 20) - room.leftBytes
        #expect(taken >= 20_000 * 20 && taken < 20_000 * 20 + 64 << 10)
        // Once for all.
        #expect(delivered(try scrape.consume(page(0..<20_010), at: 3)) == 10 && scrape.shedCount == 20_000)
        #expect((10 << 20) - room.leftBytes == taken)
    }

    /// Without any room a page keeps a few thousand of them, however many it has and often it changes.
    @Test func withoutRoomTheyAreBounded() throws {
        let scrape = scrape()
        _ = try scrape.consume(page(0..<10), at: 1)
        room.set(leftBytes: 0)
        func ids(_ round: Int) -> [Int] {
            (0..<60_000).flatMap { new in
                let number = 100_000 * round + new
                return new % 6_000 == 0 ? [new / 6_000, number] : [number]
            }
        }
        for (time, round) in [1, 1, 1, 2, 3, 3, 4, 4].enumerated() {
            let frame = try scrape.consume(page(ids(round)), at: Int64(time + 2))
            #expect(delivered(frame) == 10 && frame.departed.isEmpty && scrape.shedCount == 60_000)
            let report = frame.lines(report: true)
            #expect(report.contains("scrape_samples_scraped 60010.0"))
            #expect(report.contains("scrape_samples_post_metric_relabeling 10.0"))
            #expect(scrape.lineMemory.lineBytes < 5_000 * 20)
        }
        room.set(leftBytes: 1 << 30)
        let whole = try scrape.consume(page(ids(4)), at: 20)
        #expect(delivered(whole) == 60_010 && whole.departed.isEmpty && scrape.shedCount == 0)
        #expect(delivered(try scrape.consume(page(ids(4)), at: 21)) == 60_010)
    }
}
