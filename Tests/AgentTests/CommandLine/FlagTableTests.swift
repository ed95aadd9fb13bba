import Platform
import Testing

@testable import Agent

@Suite struct FlagTableTests {
    /// The documentation of Prometheus 3.14, "Command line, prometheus", without help and version.
    private static let documented = """
        config.file config.auto-reload config.auto-reload-interval web.listen-address auto-gomaxprocs
        auto-gomemlimit auto-gomemlimit.ratio web.config.file web.read-timeout web.max-connections
        web.max-notifications-subscribers web.external-url web.route-prefix web.user-assets
        web.enable-lifecycle web.enable-admin-api web.enable-remote-write-receiver
        web.remote-write-receiver.accepted-protobuf-messages web.enable-otlp-receiver web.console.templates
        web.console.libraries web.page-title web.cors.origin storage.tsdb.path storage.tsdb.retention.time
        storage.tsdb.retention.size storage.tsdb.no-lockfile storage.tsdb.head-chunks-write-queue-size
        storage.tsdb.delay-compact-file.path storage.agent.path storage.agent.wal-compression
        storage.agent.retention.min-time storage.agent.retention.max-time storage.agent.no-lockfile
        storage.agent.checkpoint-from-in-memory-series storage.agent.checkpoint-batch-size
        storage.remote.flush-deadline storage.remote.read-sample-limit storage.remote.read-concurrent-limit
        storage.remote.read-max-bytes-in-frame rules.alert.for-outage-tolerance rules.alert.for-grace-period
        rules.alert.resend-delay rules.max-concurrent-evals alertmanager.notification-queue-capacity
        alertmanager.notification-batch-size alertmanager.drain-notification-queue-on-shutdown
        query.lookback-delta query.timeout query.max-concurrency query.max-samples enable-feature agent
        log.level log.format
        """
    /// Those that its help does not show (cmd/prometheus/main.go), with kingpin's own.
    private static let hidden = """
        storage.tsdb.min-block-duration storage.tsdb.max-block-duration
        storage.tsdb.max-block-chunk-segment-size storage.tsdb.wal-segment-size
        storage.tsdb.allow-overlapping-compaction storage.tsdb.wal-compression
        storage.tsdb.wal-compression-type storage.tsdb.samples-per-chunk
        storage.tsdb.delayed-compaction.max-percent storage.tsdb.block-reload-interval
        storage.agent.wal-segment-size storage.agent.wal-compression-type
        storage.agent.wal-truncate-frequency scrape.adjust-timestamps scrape.timestamp-tolerance
        scrape.discovery-reload-interval write-documentation completion-bash completion-script-bash
        completion-script-zsh
        """
    /// Of 2.x and of Debian's 2.42, gone since.
    private static let retired = """
        storage.tsdb.retention storage.tsdb.allow-overlapping-blocks storage.tsdb.use-lockfile
        storage.agent.use-lockfile web.local-assets alertmanager.timeout scrape.name-escaping-scheme
        """

    @Test(arguments: [documented, hidden, retired])
    func everyFlagOfPrometheusIsKnown(names: String) {
        let unknown = names.split(whereSeparator: \.isWhitespace).map(String.init).filter {
            FlagTable.rule($0) == nil
        }
        #expect(unknown == [])
    }

    @Test func aFlagIsInTheTableOnce() {
        let names = FlagTable.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(!names.contains { $0.hasPrefix("no-") }, "--no-x would be told from a switch's other half")
    }

    @Test func aSentenceIsAClause() {
        for rule in FlagTable.all {
            #expect(!rule.sentence.isEmpty && !rule.sentence.hasSuffix("."), "\(rule.name)")
            #expect(!rule.sentence.contains("|") && !rule.sentence.contains("\n"), "\(rule.name)")
        }
    }

    /// docs/flags.md has the rows of the table, in its order.
    @Test func thePageListsEveryFlagWithItsVerdict() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
            .joined(separator: "/")
        let page = String(
            decoding: try POSIXFiles().contents(of: root + "/docs/flags.md", limitBytes: 1 << 20),
            as: UTF8.self)
        let section = page.split(separator: "\n").drop { $0 != "## Every flag of Prometheus" }
        let written = section.dropFirst().prefix { !$0.hasPrefix("#") }.filter { $0.hasPrefix("| `--") }
        #expect(written.map(String.init) == FlagTable.all.map(row))
    }

    private func row(_ rule: FlagRule) -> String {
        let value =
            switch rule.value {
            case .nothing: "switch"
            case .text: rule.isCumulative ? "text, repeated" : "text"
            case .duration: "duration"
            case .size: "size"
            case .oneOf(let choices): choices.joined(separator: ", ")
            }
        return "| `--\(rule.name)` | \(value) | \(rule.verdict.rawValue) | \(rule.sentence) |"
    }
}
