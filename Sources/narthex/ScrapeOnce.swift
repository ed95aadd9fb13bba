import Agent
import ArgumentParser
import Logging
import Platform
import Telemetry

/// `narthex scrape URL`: one scrape by hand.
struct ScrapeOnce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrape",
        abstract: "Scrapes a URL once under a job of the configuration and shows what would be stored.",
        discussion: """
            Nothing is stored or sent. relabel_configs work on the URL's parts and on what --label gives; \
            the URL itself is asked as it stands. Exit status: 0 when the scrape would be stored, 1 when the \
            target or the scrape is refused, 2 for a wrong configuration, job or URL.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json
    }

    @Argument(help: "What to scrape, for instance http://127.0.0.1:9100/metrics.")
    var url: String

    @Option(
        name: .customLong("config.file"),
        help: "Prometheus configuration file, or another place as narthex run takes it.")
    var configFile = "prometheus.yml"

    @Flag(name: .customLong("config.expand-env"), help: "As narthex run takes it.")
    var expandsEnvironment = false

    @Option(help: "The job whose rules apply; not needed when there is one only.")
    var job: String?

    @Option(
        name: .customLong("label"),
        help: "NAME=VALUE: a label of the target as discovery would give it, such as __meta_ecs_task_id.")
    var labels: [String] = []

    @Option(name: .customLong("enable-feature"), help: "As narthex run takes it.")
    var features: [String] = []

    @Option(help: "One of table, json.")
    var format = Format.table

    @Option(help: "How many dropped and how many kept series the table lists.")
    var limit = 20

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be negative") }
        guard labels.allSatisfy({ $0.contains("=") && !$0.hasPrefix("=") }) else {
            throw ValidationError("--label takes NAME=VALUE")
        }
        let refusals = FlagGrammar.refusedFeatures(features)
        guard refusals.isEmpty else { throw ValidationError(refusals.joined(separator: "\n")) }
    }

    mutating func run() async throws {
        LogOutput.bootstrap(level: .warning, format: .logfmt)
        let pairs = labels.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(parts[0]), value: String(parts[1]))
        }
        do throws(AgentError) {
            var request = HandScrape.Request(
                url: url, configFile: configFile, job: job, labels: pairs,
                environment: ProcessEnvironment.current)
            request.enabledFeatures = features
            request.expandsEnvironment = expandsEnvironment
            let scrape = try await HandScrape.run(request)
            try StandardOutput.write(format == .json ? scrape.json() : scrape.table(limit: limit))
            if !scrape.isGood { throw AgentError(.refused, "") }
        } catch {
            if !error.message.isEmpty {
                var standardError = StandardError()
                print(error.message, to: &standardError)
            }
            throw ExitCode(error.code.rawValue)
        }
    }
}
