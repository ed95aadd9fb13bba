import MetricModel
import Platform
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import RemoteWrite

/// Not a test of right or wrong: prints nanoseconds and bytes a sample when NARTHEX_MEASURE is set. Build
/// with `-c release -Xswiftc -enable-testing`.
@Suite struct EncodeMeasurement {
    /// Series as node_exporter has them: few names, many labels of few values, about 75 bytes encoded with
    /// the target's.
    private static func nodeLike(_ target: Target) -> Frame {
        var series: [[Label]] = []
        let modes = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"]
        for cpu in 0..<32 {
            for mode in modes {
                series.append([
                    Label("__name__", "node_cpu_seconds_total"), Label("cpu", "\(cpu)"), Label("mode", mode),
                ])
            }
        }
        for metric in 0..<40 {
            for device in 0..<12 {
                series.append([
                    Label("__name__", "node_network_receive_kind\(metric)_total"),
                    Label("device", "eth\(device)"),
                ])
            }
        }
        for metric in 0..<1_223 {
            series.append([Label("__name__", "node_memory_region_\(metric)_bytes")])
        }
        var random = SplitMix64(seed: 7)
        var chunks: [LayoutChunk] = []
        for start in stride(from: 0, to: series.count, by: 256) {
            chunks.append(TestFrames.chunk(Array(series[start..<min(start + 256, series.count)]), target))
        }
        let values = series.indices.map { index -> Double in
            index % 3 == 0
                ? 0 : index % 3 == 1 ? Double(random.next() % 1_000_000) : Double(random.next() >> 30) / 64
        }
        return Frame(
            target: target, layout: Layout(chunks), timestampMs: 1_700_000_000_000, values: values)
    }

    // Safety: the pointer is only compared with nil, and nothing here changes the environment.
    @Test(.enabled(if: unsafe getenv("NARTHEX_MEASURE") != nil), arguments: [WriteMessage.v1, .v2])
    func printsNanosecondsASample(message: WriteMessage) {
        let target = TestFrames.target([Label("instance", "10.0.12.34:9100"), Label("job", "node")])
        let frame = Self.nodeLike(target)
        let clock = SystemClock()
        let scratch = RequestScratch()
        let limits = EncodeLimits(samples: 2_000, bytes: BatchCollector.maxRequestBytes, ownAgeMs: 1)
        var best = (encode: UInt64.max, compress: UInt64.max)
        var body: [UInt8] = []
        for _ in 0..<3_000 {
            let begin = clock.monotonicNs
            scratch.begin(message)
            let done = scratch.append(frame, from: 0, to: frame.sampleCount, limits: limits)
            let encoded = clock.monotonicNs
            body = scratch.compress()
            let end = clock.monotonicNs
            #expect(done.written == frame.sampleCount)
            best.encode = min(best.encode, encoded - begin)
            best.compress = min(best.compress, end - encoded)
        }
        let count = Double(frame.sampleCount)
        print(
            "MEASURED \(message) \(frame.sampleCount) samples: encode \(Double(best.encode) / count) ns,",
            "snappy \(Double(best.compress) / count) ns, \(Double(scratch.byteCount) / count) bytes,",
            "compressed \(Double(body.count) / count) bytes a sample")
    }
}
