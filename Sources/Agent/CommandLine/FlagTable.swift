/// Every flag that `narthex run` knows: its own, those of `prometheus` 3.14 in agent and in server mode with
/// the hidden ones, those that 3.15 adds, and those of 2.x and of Debian's package that command lines still
/// have.
///
/// The names come from Prometheus' documentation (Command line, prometheus) and, for hidden ones, from
/// cmd/prometheus/main.go. docs/flags.md has the same rows.
public enum FlagTable {
    public static func rule(_ name: String) -> FlagRule? { byName[name] }

    public static let all: [FlagRule] =
        own + configuration + web + agentStorage + serverStorage + server + rest

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// Not in Prometheus.
    private static let own: [FlagRule] = [
        FlagRule(
            "remote-write.url", .text, .honoured,
            "Narthex' own: runs without a file and ships to this URL"),
        FlagRule(
            "config.print", .nothing, .honoured,
            "Narthex' own: prints the configuration in effect, and where each value is from"),
        FlagRule(
            "config.expand-env", .nothing, .honoured,
            "Narthex' own: replaces ${NAME} and ${NAME:-DEFAULT} in every value of the file"),
        FlagRule(
            "config.strict", .nothing, .honoured,
            "Narthex' own: refuses settings of the file that have no effect in an agent"),
        FlagRule(
            "storage.agent.retention.max-size", .size, .honoured,
            "Narthex' own: bounds the buffer's size on disk"),
        FlagRule(
            "storage.agent.sync-interval", .duration, .honoured,
            "Narthex' own: is how often the buffer is made durable"),
        FlagRule(
            "memory.limit", .size, .honoured,
            "Narthex' own: is the resident memory that the agent stays below; 0 is none"),
    ]

    private static let configuration: [FlagRule] = [
        FlagRule(
            "config.file", .text, .honoured,
            "names where the configuration is: a path, s3://, ssm:, secretsmanager:, env: or https://"),
        FlagRule(
            "config.auto-reload", .nothing, .honoured,
            "reloads the configuration when its source has changed", hasThirdState: true),
        FlagRule(
            "config.auto-reload-interval", .duration, .honoured,
            "is how often the source is looked at; less than 1s counts as 1s, and 0 is never (default 30s)"),
        FlagRule("agent", .nothing, .honoured, agentOnly, plainValue: "true"),
        FlagRule(
            "enable-feature", .text, .honoured, "names features, each of which has a verdict of its own",
            isCumulative: true),
        FlagRule(
            "log.level", .oneOf(["debug", "info", "warn", "error"]), .honoured, "bounds what is logged"),
        FlagRule("log.format", .oneOf(["logfmt", "json"]), .honoured, "chooses the form of log lines"),
    ]

    private static let web: [FlagRule] = [
        FlagRule(
            "web.listen-address", .text, .honoured, "listens on each address that it names",
            isCumulative: true),
        FlagRule("web.external-url", .text, .honoured, "serves the pages under the URL's path"),
        FlagRule("web.route-prefix", .text, .honoured, "serves the pages under this path"),
        FlagRule(
            "web.config.file", .text, .refused,
            "the status pages have neither TLS nor passwords yet and would stand open to everybody who "
                + "reaches them; leave the flag out, and keep --web.listen-address on loopback or behind a "
                + "proxy that asks for them",
            plainValue: ""),
        FlagRule(
            "web.enable-lifecycle", .nothing, .honoured,
            "lets whoever reaches the pages ask for a reload (POST /-/reload) and for the end "
                + "(POST /-/quit)"),
        FlagRule(
            "web.enable-admin-api", .nothing, .ignored,
            "the admin API deletes and snapshots series of a database, and an agent has none",
            plainValue: "false"),
        FlagRule("web.enable-remote-write-receiver", .nothing, .ignored, noPush, plainValue: "false"),
        FlagRule("web.remote-write-receiver.accepted-protobuf-messages", .text, .ignored, noPush),
        FlagRule("web.enable-otlp-receiver", .nothing, .ignored, noPush, plainValue: "false"),
        FlagRule("web.read-timeout", .duration, .ignored, webLimits),
        FlagRule("web.max-connections", .text, .ignored, webLimits),
        FlagRule("web.max-notifications-subscribers", .text, .ignored, webPages),
        FlagRule("web.console.templates", .text, .ignored, webPages),
        FlagRule("web.console.libraries", .text, .ignored, webPages),
        FlagRule("web.user-assets", .text, .ignored, webPages),
        FlagRule("web.local-assets", .text, .ignored, webPages),
        FlagRule("web.page-title", .text, .ignored, webPages),
        FlagRule(
            "web.cors.origin", .text, .ignored,
            "the status pages allow no script of another origin to read them"),
    ]

    private static let agentStorage: [FlagRule] = [
        FlagRule("storage.agent.path", .text, .honoured, "is the directory of the buffer"),
        FlagRule(
            "storage.agent.retention.max-time", .duration, .honoured,
            "bounds how long undelivered samples are kept"),
        FlagRule(
            "storage.agent.retention.min-time", .duration, .ignored,
            "delivered samples leave the buffer at once, and others stay until they are delivered or "
                + "--storage.agent.retention.max-time or --storage.agent.retention.max-size is reached"),
        FlagRule(
            "storage.agent.wal-segment-size", .size, .honoured, "is the size of a file of the buffer"),
        FlagRule("storage.agent.wal-compression", .nothing, .ignored, bufferFormat),
        FlagRule("storage.agent.wal-compression-type", .text, .ignored, bufferFormat),
        FlagRule("storage.agent.wal-truncate-frequency", .duration, .ignored, bufferFormat),
        FlagRule("storage.agent.checkpoint-from-in-memory-series", .nothing, .ignored, bufferFormat),
        FlagRule("storage.agent.checkpoint-batch-size", .text, .ignored, bufferFormat),
        FlagRule("storage.agent.no-lockfile", .nothing, .ignored, locked, plainValue: "false"),
        FlagRule("storage.agent.use-lockfile", .nothing, .ignored, locked, plainValue: "true"),
        FlagRule(
            "storage.remote.flush-deadline", .duration, .honoured,
            "bounds how long a stop goes on sending"),
    ]

    private static let serverStorage: [FlagRule] = [
        FlagRule(
            "storage.tsdb.path", .text, .honoured,
            "is the directory of the buffer where --storage.agent.path is absent"),
        FlagRule("storage.tsdb.retention", .duration, .ignored, retention),
        FlagRule("storage.tsdb.retention.time", .duration, .ignored, retention),
        FlagRule("storage.tsdb.retention.size", .size, .ignored, retention),
        FlagRule("storage.tsdb.no-lockfile", .nothing, .ignored, locked, plainValue: "false"),
        FlagRule("storage.tsdb.use-lockfile", .nothing, .ignored, locked, plainValue: "true"),
        FlagRule("storage.tsdb.head-chunks-write-queue-size", .text, .ignored, noDatabase),
        FlagRule("storage.tsdb.delay-compact-file.path", .text, .ignored, noDatabase),
        FlagRule("storage.tsdb.min-block-duration", .duration, .ignored, noDatabase),
        FlagRule("storage.tsdb.max-block-duration", .duration, .ignored, noDatabase),
        FlagRule("storage.tsdb.max-block-chunk-segment-size", .size, .ignored, noDatabase),
        FlagRule("storage.tsdb.wal-segment-size", .size, .ignored, noDatabase),
        FlagRule("storage.tsdb.wal-compression", .nothing, .ignored, noDatabase),
        FlagRule("storage.tsdb.wal-compression-type", .text, .ignored, noDatabase),
        FlagRule("storage.tsdb.samples-per-chunk", .text, .ignored, noDatabase),
        FlagRule("storage.tsdb.allow-overlapping-compaction", .nothing, .ignored, noDatabase),
        FlagRule("storage.tsdb.allow-overlapping-blocks", .nothing, .ignored, noDatabase),
        FlagRule("storage.tsdb.delayed-compaction.max-percent", .text, .ignored, noDatabase),
        FlagRule("storage.tsdb.block-reload-interval", .duration, .ignored, noDatabase),
    ]

    private static let server: [FlagRule] = [
        FlagRule("storage.remote.read-sample-limit", .text, .ignored, noQueries),
        FlagRule("storage.remote.read-concurrent-limit", .text, .ignored, noQueries),
        FlagRule("storage.remote.read-max-bytes-in-frame", .text, .ignored, noQueries),
        FlagRule("query.lookback-delta", .duration, .ignored, noQueries),
        FlagRule("query.timeout", .duration, .ignored, noQueries),
        FlagRule("query.max-concurrency", .text, .ignored, noQueries),
        FlagRule("query.max-samples", .text, .ignored, noQueries),
        FlagRule("rules.alert.for-outage-tolerance", .duration, .ignored, noRules),
        FlagRule("rules.alert.for-grace-period", .duration, .ignored, noRules),
        FlagRule("rules.alert.resend-delay", .duration, .ignored, noRules),
        FlagRule("rules.max-concurrent-evals", .text, .ignored, noRules),
        FlagRule("alertmanager.notification-queue-capacity", .text, .ignored, noRules),
        FlagRule("alertmanager.notification-batch-size", .text, .ignored, noRules),
        FlagRule("alertmanager.drain-notification-queue-on-shutdown", .nothing, .ignored, noRules),
        FlagRule("alertmanager.timeout", .text, .ignored, noRules),
    ]

    private static let rest: [FlagRule] = [
        FlagRule("auto-gomaxprocs", .nothing, .ignored, noGo),
        FlagRule("auto-gomemlimit", .nothing, .ignored, noGo),
        FlagRule("auto-gomemlimit.ratio", .text, .ignored, noGo),
        FlagRule("auto-gomemlimit.refresh-interval", .duration, .ignored, noGo),
        FlagRule("scrape.adjust-timestamps", .nothing, .ignored, timestamps, plainValue: "true"),
        FlagRule("scrape.timestamp-tolerance", .duration, .ignored, timestamps, plainValue: "2ms"),
        FlagRule(
            "scrape.discovery-reload-interval", .duration, .ignored,
            "targets are taken up as soon as discovery finds them"),
        FlagRule(
            "scrape.name-escaping-scheme", .text, .refused,
            "it would change the names of series; set metric_name_escaping_scheme in the configuration "
                + "instead, as in Prometheus since 3.0"),
        FlagRule("completion-bash", .nothing, .refused, completion),
        FlagRule("completion-script-bash", .nothing, .refused, completion),
        FlagRule("completion-script-zsh", .nothing, .refused, completion),
        FlagRule(
            "write-documentation", .nothing, .refused,
            "it is for Prometheus' own developers; narthex run --help lists the flags"),
    ]

    // The sentences of several flags.

    private static let agentOnly =
        "Narthex is an agent and nothing else: it answers no queries and evaluates no rules"
    private static let noPush =
        "nothing can be pushed to an agent that only scrapes, and whoever pushes gets an error; let the "
        + "senders write to the destination themselves"
    private static let webLimits =
        "the status pages have bounds of their own: 64 connections at a time on each address, two minutes "
        + "between requests"
    private static let webPages = "the status pages have no consoles, assets, titles or notifications"
    private static let bufferFormat =
        "the buffer has an encoding of its own, which is always compact, and is cleared as samples are "
        + "delivered"
    private static let locked = "the buffer's directory is always locked, so that one process has it"
    private static let retention =
        "a server's database is bounded by it and the buffer here never is; that is bounded by "
        + "--storage.agent.retention.max-time and --storage.agent.retention.max-size"
    private static let noDatabase = "an agent has no database of blocks"
    private static let noQueries = "an agent answers no queries and no remote read"
    private static let noRules = "an agent evaluates no rules and sends no alerts"
    private static let noGo =
        "this is no Go program; its threads and its memory follow the container's limits anyway"
    private static let timestamps =
        "a scrape within 2 ms of its planned time always gets the planned time, as in Prometheus by default"
    private static let completion =
        "write narthex --generate-completion-script with bash, zsh or fish instead"
}
