import Platform
import TestSupport
import Testing
import WriteAheadBuffer

@testable import RemoteWrite

struct ClaimSizeTests {
    private let limitBytes = 800_000

    /// Cuts claims of samples that have so many bytes each; returns how many samples a request had.
    private func perRequest(
        _ size: inout ClaimSize, claims: Int, bytes: (_ sample: Int) -> Int
    ) -> Double {
        var (sample, requests) = (0, 0)
        for _ in 0..<claims {
            var left = size.samples(limitBytes: limitBytes)
            while left > 0 {
                var (count, sum) = (0, 0)
                while count < left, sum + bytes(sample) <= limitBytes {
                    sum += bytes(sample)
                    sample += 1
                    count += 1
                }
                size.cut(samples: count, bytes: sum, isFull: count < left)
                requests += 1
                left -= count
            }
        }
        return Double(sample) / Double(requests)
    }

    @Test func takesAsManyAsMayBeSentWhereBytesAllowIt() {
        var size = ClaimSize(most: 5_000)
        #expect(size.samples(limitBytes: limitBytes) == 5_000)
        #expect(perRequest(&size, claims: 100) { _ in 100 } == 5_000)
        #expect(ClaimSize(most: 0).samples(limitBytes: limitBytes) == 1)
    }

    @Test func bytesBoundItWithoutSmallRequestsBetween() {
        var size = ClaimSize(most: 5_000)
        // 4,000 fit.
        _ = perRequest(&size, claims: 50) { _ in 200 }
        #expect(perRequest(&size, claims: 100) { _ in 200 } > 3_800)
    }

    @Test func samplesOfDifferentSizeCostFewSmallRequests() {
        var size = ClaimSize(most: 5_000)
        var random = SplitMix64(seed: 7)
        // Targets of a thousand series, 150 to 250 bytes each.
        var sizes: [Int] = []
        for _ in 0..<2_000 { sizes.append(150 + Int(random.next() % 101)) }
        func bytes(_ sample: Int) -> Int { sizes[sample / 1_000 % sizes.count] }
        _ = perRequest(&size, claims: 50, bytes: bytes)
        let mean = perRequest(&size, claims: 300, bytes: bytes)
        #expect(mean > 3_000, "\(mean)")
    }

    @Test func alwaysOneSample() {
        var size = ClaimSize(most: 5_000)
        size.cut(samples: 1, bytes: 10_000_000, isFull: true)
        size.cut(samples: 0, bytes: 0, isFull: true)
        #expect(size.samples(limitBytes: limitBytes) == 1)
        #expect(size.samples(limitBytes: 0) == 1)
    }

    /// What waits may be enough for a smaller claim: whoever waits for more looks again.
    @Test func theWindowTellsThatClaimsHaveBecomeSmaller() {
        let store = BufferedDestination(clock: ManualClock())
        let window = ShippingWindow(
            reader: store.reader, lessons: DestinationLessons(), views: nil, mostSamples: 1_000, options: 0)
        let signals = [100, 1_000_000, 1_000_000, 100].map { bytes in
            window.cut(request(samples: 10, bytes: bytes))
            return window.changed.count
        }
        // By the average: bytes for a thousand, for fewer, for fewer still, for more again.
        #expect(signals == [0, 1, 2, 2])
    }

    private func request(samples: Int, bytes: Int) -> PreparedRequest {
        let end = BufferPosition(segment: 1, offset: 200)
        let stored = StoredFrame(
            frame: TestFrames.frame(count: samples, timestampMs: 0),
            start: BufferPosition(segment: 1, offset: 100), end: end)
        return PreparedRequest(
            body: [], uncompressedBytes: bytes, payloadHash: "", end: end, outcome: Outcomes(),
            sampleCount: samples, histogramCount: 0, droppedHistograms: [:], exemplarCount: 0,
            exemplarsOff: 0, oldestMs: 0, newestMs: 0, slices: [FrameSlice(stored)], omissions: [],
            isResend: false, triesAgain: false, isFullByBytes: false)
    }
}
