import StandIns

/// One agent of a race: how it is started, and what its configuration has to say.
struct RaceAgent {
    let name: String
    let command: CommandTemplate
    var environment: [String: String] = [:]
    /// Whether it signs its requests; one that cannot sign is taken unsigned, and the table says so.
    var isSigned = true
    /// YAML of its `queue_config`.
    var queue = "{}"

    /// What its command gets besides where the list of targets changes.
    var targetListWords: [String] = []

    /// `scrape_protocols` of its configuration; nil leaves them to the agent, as not every one knows the key.
    var protocols: String?

    /// `NAME=COMMAND`.
    static func parse(_ text: String) throws(CommandTemplate.Fault) -> RaceAgent {
        guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
            throw CommandTemplate.Fault(description: "'\(text)' is not NAME=COMMAND")
        }
        let name = String(text[..<sign])
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }) else {
            throw CommandTemplate.Fault(
                description: "the name '\(name)' has something else than letters, digits, '-', '_' and '.'")
        }
        return RaceAgent(
            name: name, command: try CommandTemplate(String(text[text.index(after: sign)...])),
            environment: StandInFleet.awsEnvironment)
    }

    /// This project's agent. It asks for protobuf only if it is told to.
    static func narthex(_ program: String, _ format: FleetFormat = .text) -> RaceAgent {
        RaceAgent(
            name: "narthex",
            command: CommandTemplate(words: [
                program, "run", "--config.file={config}", "--storage.agent.path={dir}",
                "--web.listen-address={listen}",
            ]), environment: ["SWIFT_BACKTRACE": "enable=no"],
            protocols: format == .protobuf
                ? "[PrometheusProto, OpenMetricsText1.0.0, PrometheusText0.0.4]" : nil)
    }

    /// Prometheus 2.32 to 2.x, which has its agent behind a feature flag. Debian builds it without SigV4, so
    /// it does not sign. Requests have 2,000 samples, as with Prometheus 3: the 500 of its predecessor cost
    /// it more. From 2.40 on it asks for protobuf if its native histograms are switched on.
    static func prometheus(_ program: String, _ format: FleetFormat = .text) -> RaceAgent {
        RaceAgent(
            name: "prometheus",
            command: CommandTemplate(words: [
                program, "--enable-feature=agent" + (format == .protobuf ? ",native-histograms" : ""),
                "--config.file={config}", "--storage.agent.path={dir}", "--web.listen-address={listen}",
            ]), isSigned: false, queue: "{max_samples_per_send: 2000}")
    }

    /// vmagent, which takes the address of remote write and the keys as flags. The keys come from its
    /// environment, since every process of a machine may read a command line.
    static func vmagent(_ program: String) -> RaceAgent {
        RaceAgent(
            name: "vmagent",
            command: CommandTemplate(words: [
                program, "-promscrape.config={config}", "-remoteWrite.url={url}",
                "-remoteWrite.tmpDataPath={dir}", "-httpListenAddr={listen}", "-envflag.enable",
                "-remoteWrite.aws.useSigv4", "-remoteWrite.aws.region=\(StandInFleet.region)",
                "-remoteWrite.aws.service=aps",
            ]),
            environment: [
                "remoteWrite_aws_accessKey": StandInFleet.accessKey,
                "remoteWrite_aws_secretKey": StandInFleet.secretKey,
            ],
            // By default it looks every five minutes whether the list has changed, the others within seconds.
            targetListWords: ["-promscrape.fileSDCheckInterval=5s"])
    }
}
