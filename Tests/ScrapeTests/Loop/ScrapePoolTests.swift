import Configuration
import HTTPTransport
import MetricModel
import Platform
import Telemetry
import TestSupport
import Testing

@testable import Scrape

@Suite(.timeLimit(.minutes(5))) struct ScrapePoolTests {
    private static let target = ScrapeTarget(
        url: "http://h:1/metrics", labels: LabelSet([Label("instance", "i"), Label("job", "j")]))

    @Test func everyFailedScrapeIsALineOfTheFailureLog() async throws {
        let path = "/tmp/narthex-failures-\(UInt64.random(in: 0...UInt64.max)).log"
        let parts = PoolParts(failureLog: try ScrapeFailureLog(path, files: POSIXFiles()))
        defer { try? POSIXFiles().remove(path) }
        parts.http.fail(Self.target.url, HTTPError(.connect, "nobody listens"))
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 3 }
        }
        let lines = String(decoding: try POSIXFiles().contents(of: path, limitBytes: 9_999), as: UTF8.self)
            .split(separator: "\n")
        #expect(lines.count == 3)
        #expect(
            lines.allSatisfy {
                $0.contains("nobody listens")
                    && $0.contains("\"job_name\":\"j\",\"target\":\"\(Self.target.url)\"")
            })
    }

    @Test func targetsAreScrapedEachInterval() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target, Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 3 }
        }
        let frames = parts.appender.frames
        #expect(frames[1].timestampMs - frames[0].timestampMs == 10_000)
        #expect(frames[2].timestampMs - frames[1].timestampMs == 10_000)
        #expect(frames[0].samples()[0].labels["region"] == "r")
        let state = try #require(parts.pool.targetStates().first)
        #expect(state.health == .up && state.lastError == nil && state.samples == 1)
        #expect(state.lastScrapeMs == frames[2].timestampMs)
        let page = parts.registry.render()
        #expect(page.contains("prometheus_target_scrape_pool_targets{scrape_job=\"j\"} 1\n"))
        #expect(page.contains("prometheus_target_interval_length_seconds_count{interval=\"10s\"} 2\n"))
        #expect(page.contains("prometheus_target_scrape_pools_total 1\n"))
        // As Prometheus has them: a summary, and a histogram beside it.
        for name in [
            "prometheus_target_interval_length_seconds{interval=\"10s\",quantile=\"0.99\"} 10",
            "prometheus_target_interval_length_histogram_seconds_bucket{interval=\"10s\",le=\"10\"} 2",
            "prometheus_target_sync_length_seconds_count{scrape_job=\"j\"} 1",
            "prometheus_target_sync_length_histogram_seconds_bucket{scrape_job=\"j\",le=\"0.01\"} 1",
            "prometheus_target_reload_length_seconds_count{interval=\"10s\"} 0",
        ] {
            #expect(page.contains("\n\(name)\n"), "\(name)")
        }
    }

    @Test func aPoolTellsWhatItsTargetsHave() async throws {
        let parts = PoolParts()
        #expect(parts.pool.size == ScrapePoolSize())
        let other = ScrapeTarget(url: "http://h:2/metrics", labels: LabelSet([Label("instance", "k")]))
        parts.http.answer(
            Self.target.url, "# HELP a A.\n# TYPE a gauge\na 1\na{b=\"c\"} 1\n# TYPE d gauge\nd 2\n")
        parts.http.answer(other.url, "# TYPE a gauge\na 1\n")
        parts.pool.sync([Self.target, other])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 4 }
            let size = parts.pool.size
            // Beside the lines, the five series of each report.
            #expect(size.activeSeries == 3 + 1 + 2 * 5)
            #expect(size.metadataEntries == 3)
            #expect(size.metadataBytes > 20 && size.metadataBytes < 200)
            // Of a target that fails the report alone is left, and what it said of its families.
            parts.http.answer(Self.target.url, "???\n")
            await parts.advance { parts.appender.frames.count == 6 }
            #expect(parts.pool.size.activeSeries == 1 + 2 * 5)
            #expect(parts.pool.size.metadataEntries == 3)
        }
    }

    /// Not the order of a dictionary, which another run has otherwise: a help text would change for nothing.
    @Test func theLastTargetByURLHasTheLastWordOfAFamily() async throws {
        let parts = PoolParts()
        let targets = (1...9).map {
            ScrapeTarget(url: "http://h:\($0)/metrics", labels: LabelSet([Label("instance", "h\($0)")]))
        }
        for target in targets {
            parts.http.answer(target.url, "# HELP a By \(target.url).\n# TYPE a gauge\na 1\n")
        }
        parts.pool.sync(targets)
        await parts.running {
            await parts.advance { parts.appender.frames.count == targets.count }
            #expect(parts.pool.families.map(\.help) == ["By http://h:9/metrics."])
        }
    }

    /// Lines that the first and the last target share are kept once, and still are the last word.
    @Test func sharedLinesCountAtTheLastTargetThatHasThem() async throws {
        let parts = PoolParts()
        let targets = [1, 5, 9].map {
            ScrapeTarget(url: "http://h:\($0)/metrics", labels: LabelSet([Label("instance", "h\($0)")]))
        }
        for target in targets {
            let help = target == targets[1] ? "Another." : "Shared."
            parts.http.answer(target.url, "# HELP a \(help)\n# TYPE a gauge\na 1\n")
        }
        parts.pool.sync(targets)
        await parts.running {
            await parts.advance { parts.appender.frames.count == targets.count }
            #expect(parts.pool.families.map(\.help) == ["Shared."])
        }
    }

    @Test func aTargetsOwnIntervalIsMeasuredAsSuch() async throws {
        let parts = PoolParts()
        let often = ScrapeTarget(url: Self.target.url, labels: Self.target.labels, intervalMs: 5_000)
        parts.http.answer(often.url, "a 1\n")
        parts.pool.sync([often])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 3 }
        }
        #expect(parts.appender.frames[2].timestampMs - parts.appender.frames[1].timestampMs == 5_000)
        let page = parts.registry.render()
        #expect(page.contains("prometheus_target_interval_length_seconds_count{interval=\"5s\"} 2\n"))
        #expect(!page.contains("interval_length_seconds_count{interval=\"10s\"}"))
    }

    @Test func withTooManyTargetsNoneIsScraped() async throws {
        let parts = PoolParts(targetLimit: 1)
        let other = ScrapeTarget(url: "http://h:2/metrics", labels: LabelSet([Label("instance", "k")]))
        parts.http.answer(Self.target.url, "a 1\n")
        parts.http.answer(other.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.sync([Self.target, other])
            await parts.advance {
                parts.pool.targetStates().map { $0.lastError?.code } == [.targetLimit, .targetLimit]
            }
            #expect(parts.http.requestCount == 1)
            // The series of the scrape before end, and both targets are reported down.
            let after = parts.appender.frames.dropFirst()
            #expect(after.contains { $0.samples().contains { $0.bits == StaleMarker.bits } })
            #expect(
                parts.pool.targetStates().first?.lastError?.message
                    == "target_limit exceeded: the job has 2 targets, the limit is 1")
            parts.pool.sync([Self.target])
            await parts.advance { parts.pool.targetStates().map(\.health) == [.up] }
        }
        let page = parts.registry.render()
        #expect(page.contains("prometheus_target_scrape_pool_exceeded_target_limit_total 1\n"))
        #expect(page.contains("prometheus_target_scrape_pool_target_limit{scrape_job=\"j\"} 1\n"))
    }

    @Test func whatIsShedIsCountedByTheLabelThatGrew() async throws {
        let parts = PoolParts(shedsAbove: 2)
        parts.http.answer(Self.target.url, "a 1\nx{path=\"1\"} 1\n")
        parts.pool.sync([Self.target])
        try await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.http.answer(
                Self.target.url, "x{path=\"3\"} 1\na 1\nx{path=\"2\"} 1\nx{path=\"1\"} 1\n")
            await parts.advance { parts.appender.frames.count == 3 }
            let state = try #require(parts.pool.targetStates().first)
            #expect(state.health == .up && state.shedSamples == 2 && state.shedLabel == "path")
            #expect(parts.appender.frames[2].samples().count == 2)
        }
        let page = parts.registry.render()
        #expect(
            page.contains("narthex_scrape_shed_samples_total{scrape_job=\"j\",label=\"path\"} 4\n"))
        #expect(page.contains("prometheus_target_scrapes_exceeded_sample_limit_total 2\n"))
    }

    @Test func samplesThatAreLeftOutAreSaidAndCounted() async throws {
        let parts = PoolParts()
        let old = parts.clock.wallMs / 1_000
        parts.http.answer(
            Self.target.url, "a 1\na 2\nb{x=\"\u{1B}\"} 1 \(old)\nb{x=\"2\"} 1 \(old)\nc 1 9\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 5 }
            // Said once, whatever number of scrapes it lasts.
            let said = parts.log.lines.filter { $0.contains("left out") }
            #expect(
                said == [
                    "warning samples of a scrape are left out duplicate_timestamp=1"
                        + " num_dropped=4 scrape_pool=j series={__name__=\"a\", instance=\"i\", job=\"j\","
                        + " region=\"r\"} target=\(Self.target.url) too_old=3"
                ])
            // Another reason is said at once, and names a series of its own.
            parts.http.answer(
                Self.target.url, "a 1\na 2\nc 1 \(parts.clock.wallMs + 700_000)\n")
            await parts.advance { parts.appender.frames.count == 7 }
            #expect(parts.log.lines.count { $0.contains("left out") } == 2)
            #expect(parts.log.lines.last?.contains("series={__name__=\"c\"") == true)
        }
        let page = parts.registry.render()
        let family = "narthex_scrape_dropped_samples_total{scrape_job=\"j\",reason="
        #expect(page.contains("\(family)\"duplicate_timestamp\"} 7\n"))
        #expect(page.contains("\(family)\"too_old\"} 15\n"))
        #expect(page.contains("\(family)\"out_of_bounds\"} 2\n"))
        #expect(page.contains("\(family)\"out_of_order\"} 0\n"))
        #expect(page.contains("prometheus_target_scrapes_sample_out_of_bounds_total 17\n"))
        #expect(page.contains("prometheus_target_scrapes_sample_duplicate_timestamp_total 7\n"))
    }

    @Test func failuresAreReportedWithTheirReason() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        try await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.http.fail(Self.target.url, HTTPError(.connect, "nobody listens at h:1"))
            await parts.advance { parts.pool.targetStates().first?.lastError?.code == .transport }
            #expect(parts.appender.frames[1].samples().map(\.bits) == [StaleMarker.bits])
            #expect(parts.appender.frames[1].values[1] == 0)
            var state = try #require(parts.pool.targetStates().first)
            #expect(state.health == .down && state.lastError?.message == "nobody listens at h:1")
            parts.http.answer(Self.target.url, "a 1\n?")
            await parts.advance { parts.pool.targetStates().first?.lastError?.code == .exposition }
            state = try #require(parts.pool.targetStates().first)
            #expect(state.lastError?.description.hasPrefix("line 2: ") == true)
            #expect(parts.appender.frames[2].values.count == 5)
        }
        let page = parts.registry.render()
        #expect(page.contains("narthex_scrape_failures_total{scrape_job=\"j\",reason=\"transport\"} 1\n"))
        #expect(page.contains("narthex_scrape_failures_total{scrape_job=\"j\",reason=\"parse_error\"} 1\n"))
    }

    @Test func aFailedAppendLeavesTheStateWhereItWas() async {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\nb 2\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.appender.setFull(true)
            parts.http.answer(Self.target.url, "a 1\n")
            let before = parts.http.requestCount
            await parts.advance { parts.http.requestCount == before + 2 }
            await parts.advance { parts.pool.targetStates().first?.lastError?.code == .append }
            parts.appender.setFull(false)
            await parts.advance { parts.appender.frames.count == 2 }
            // The marker of b was never written, so it is due now.
            #expect(
                parts.appender.frames[1].samples().map(\.bits) == [Double(1).bitPattern, StaleMarker.bits])
            await parts.advance { parts.pool.targetStates().first?.health == .up }
        }
        // The buffer says once what it does not take, and not each target of it.
        #expect(parts.log.all("scrape failed").isEmpty && parts.log.all("scrape works again").isEmpty)
    }

    @Test func thatAScrapeWorksAgainIsSaidWhereTheBufferRefusedItMeanwhile() async {
        let parts = PoolParts()
        parts.http.fail(Self.target.url, HTTPError(.connect, "nobody listens at h:1"))
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.pool.targetStates().first?.lastError?.code == .transport }
            parts.appender.setFull(true)
            parts.http.answer(Self.target.url, "a 1\n")
            await parts.advance { parts.pool.targetStates().first?.lastError?.code == .append }
            parts.appender.setFull(false)
            await parts.advance { parts.pool.targetStates().first?.health == .up }
        }
        #expect(parts.log.all("scrape failed").count == 1)
        #expect(parts.log.all("scrape works again").count == 1)
    }

    @Test func aTargetThatIsGoneGetsItsMarkersAndEnds() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.sync([])
            #expect(parts.pool.targetStates().isEmpty)
            await parts.advance { parts.appender.frames.count == 2 }
            let last = parts.appender.frames[1]
            #expect(last.samples(report: true).allSatisfy { $0.bits == StaleMarker.bits })
            #expect(last.timestampMs == parts.appender.frames[0].timestampMs + 10_000)
            await parts.advance { parts.clock.sleeperCount == 0 }
            #expect(parts.http.requestCount == 1)
            // It comes back later as a new target.
            parts.pool.sync([Self.target])
            await parts.advance { parts.appender.frames.count == 3 }
        }
    }

    @Test func aTargetThatHasStoppedGetsItsMarkersAtOnce() async throws {
        let parts = PoolParts()
        // A label of an external one's name makes no series another target's.
        parts.http.answer(Self.target.url, "a{region=\"own\"} 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            let nowMs = parts.clock.wallMs
            parts.pool.sync([], stopped: [Self.target])
            // No tick is waited for: the clock stands still.
            while parts.appender.frames.count < 2 { await Task.yield() }
            #expect(
                parts.appender.frames.last?.samples(report: true).allSatisfy { $0.bits == StaleMarker.bits }
                    == true)
            #expect(parts.appender.frames.last?.timestampMs ?? 0 <= nowMs + 1)
            // Told again it is nothing; back it is a new target.
            parts.pool.sync([], stopped: [Self.target])
            parts.pool.sync([Self.target], stopped: [Self.target])
            await parts.advance { parts.appender.frames.count == 3 }
        }
        #expect(parts.http.requestCount == 2)
    }

    @Test func aTargetThatComesBackInTimeDoesNotBlink() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
            parts.pool.sync([])
            parts.clock.advance(ms: 5_000)
            await parts.settle()
            parts.pool.sync([Self.target])
            await parts.advance { parts.appender.frames.count == 2 }
        }
        #expect(parts.appender.frames[1].samples().map(\.bits) == [Double(1).bitPattern])
        #expect(parts.appender.frames[1].timestampMs == parts.appender.frames[0].timestampMs + 10_000)
    }

    @Test func shutdownWritesNothing() async throws {
        let parts = PoolParts()
        parts.http.answer(Self.target.url, "a 1\n")
        parts.pool.sync([Self.target])
        await parts.running {
            await parts.advance { parts.appender.frames.count == 1 }
        }
        #expect(parts.appender.frames.count == 1)
        #expect(parts.clock.sleeperCount == 0)
    }

    @Test func equalTargetsShareTheirLayouts() async throws {
        let parts = PoolParts()
        let targets = (0..<20).map {
            ScrapeTarget(
                url: "http://h:\($0)/", labels: LabelSet([Label("instance", "\($0)"), Label("job", "j")]))
        }
        let body = (0..<300).map { "m{n=\"\($0)\"} 1\n" }.joined()
        for target in targets { parts.http.answer(target.url, body) }
        parts.pool.sync(targets)
        await parts.running {
            await parts.advance(upToMs: 3_600_000) { Set(parts.appender.frames.map(\.target.id)).count == 20 }
        }
        let frames = parts.appender.frames
        #expect(frames.allSatisfy { $0.layout.isIdentical(to: frames[0].layout) })
    }

    @Test(
        arguments: [
            (500, "500ms"), (1_500, "1.5s"), (15_000, "15s"), (60_000, "1m0s"), (3_600_000, "1h0m0s"),
        ] as [(Int64, String)])
    func intervalsAreWrittenAsGoWritesThem(milliseconds: Int64, text: String) {
        #expect(ScrapeMetrics.goDuration(milliseconds) == text)
    }

    /// A page that is read by the order of its lines has chunks of its own, which count as well.
    @Test func theMemoryOfAChangingPageCounts() async throws {
        let parts = PoolParts()
        let target = ScrapeTarget(url: "http://h:1/metrics", labels: LabelSet([Label("instance", "i")]))
        parts.pool.sync([target])
        await parts.running {
            for round in 0..<8 {
                var text = "# HELP y\(round) What it says.\n"
                for id in 0..<100 { text += "y\(round){id=\"\(id)\"} 1\n" }
                parts.http.answer(target.url, text)
                await parts.pass(ms: 10_000)
            }
            let memory = parts.pool.lineMemory
            // A hash, a length, a type and an ordinal for each line, and a hash for each series.
            #expect(memory.lineBytes >= 25 * 100)
            #expect(memory.chunks > 0 && memory.commentBytes > 0)
        }
    }
}
