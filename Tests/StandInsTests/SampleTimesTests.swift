import Testing

@testable import StandIns

struct SampleTimesTests {
    private func times(_ message: [UInt8]) -> SampleTimes? { SampleTimes(message.span) }

    @Test func joinsNeighboursOfOneTime() throws {
        let message = WireRequest.message([
            WireRequest(labels: [("__name__", "a"), ("job", "j")], samples: [(1_000, 1)]),
            WireRequest(labels: [("__name__", "b")], samples: [(1_000, 2), (2_000, 3)]),
            WireRequest(labels: [], samples: [(-5, .nan)]),
        ])
        let read = times(message)
        let times = try #require(read)
        #expect(times.samples == 4)
        #expect(times.runs.map(\.timestampMs) == [1_000, 2_000, -5])
        #expect(times.runs.map(\.samples) == [2, 1, 1])
    }

    @Test func aSampleWithoutTimestampIsOfZero() throws {
        let value: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]
        let message = WireRequest.field(1, WireRequest.field(2, value))
        #expect(times(message)?.runs == [.init(timestampMs: 0, samples: 1)])
    }

    @Test func passesOverWhatItDoesNotCount() throws {
        // Metadata, a varint, four bytes and eight bytes beside a series.
        let message =
            WireRequest.field(3, [1, 2, 3]) + [0x28, 0x96, 0x01, 0x35, 1, 2, 3, 4]
            + [0x39, 1, 2, 3, 4, 5, 6, 7, 8]
            + WireRequest.message([WireRequest(labels: [("a", "b")], samples: [(7, 1)])])
        #expect(times(message)?.runs == [.init(timestampMs: 7, samples: 1)])
        #expect(times([])?.samples == 0)
    }

    @Test func everyCutOfAMessageIsRefusedOrShorter() throws {
        let message = WireRequest.message([
            WireRequest(labels: [("__name__", "a")], samples: [(1_700_000_000_000, 1)])
        ])
        for count in 1..<message.count { #expect(times(Array(message[..<count])) == nil, "\(count) bytes") }
        #expect(times(message)?.samples == 1)
    }

    @Test(
        arguments: [
            [0x0B], [0x0C], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            [0x0A, 0x02, 0x12, 0x05],
        ] as [[UInt8]])
    func refusesWhatIsNoMessage(_ message: [UInt8]) { #expect(times(message) == nil) }
}
