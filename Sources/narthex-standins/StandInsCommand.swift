import AWS
import ArgumentParser
import HTTPServer
import Platform
import StandIns

/// Plays exporters, ECS and AMP on loopback for tests and benchmarks in other processes.
@main
struct StandInsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "narthex-standins",
        abstract: "Play exporters, the ECS API and an AMP endpoint on loopback.",
        discussion: """
            Prints one line of JSON with addresses when everything listens, then serves until SIGTERM, \
            SIGINT or, with --until-stdin-closes, the end of standard input. GET /stats on the AMP and ECS \
            ports gives counts; POST /fault on any port sets faults.
            """)

    @Option(help: "Exporters; 0 for none.") var exporters = 0
    @Option(help: "Series of each exporter.") var series = 100
    @Option(help: "Port of the exporters, or the first of them; 0 for any.") var exporterPort = 0
    @Option(help: "How exporters are told apart: paths, ports or addresses.", transform: Self.addressing)
    var addressing: FleetAddressing = .paths
    @Option(help: "Share of the series that move at each scrape.") var movingShare = 0.15
    @Option(help: "Seed of the numbers.") var seed: UInt64 = 1
    @Flag(help: "Give every series a label with its exporter's number.") var distinct = false
    @Option(help: "Sets of numbers that exporters share; 0 for numbers of their own.") var numberSets = 0
    @Option(help: "Share of the series that are new at each scrape, 0 to 1.") var churn = 0.0
    @Option(
        help: "What churns: lines, front, buckets (share of histograms) or shuffle (share of exporters).",
        transform: Self.churnKind)
    var churnKind: FleetChurn.Kind = .lines
    @Option(
        help: "Format for clients that ask for it: text, openmetrics or protobuf.", transform: Self.format)
    var format: FleetFormat = .text
    @Flag(help: "Answer gzip to exporters' clients that take it.") var gzip = false
    @Option(help: "Share of the exporters, the first ones, that answer late.") var slowShare = 0.0
    @Option(help: "Milliseconds that they are late.") var slowMs: Int64 = 1_000
    @Option(help: "Share of the exporters, the last ones, that answer 500.") var failingShare = 0.0

    @Option(help: "Port of the AMP endpoint; 0 for any.") var ampPort: Int?
    @Option(help: "Workspace in its path.") var workspace = "ws-demo"
    @Option(help: "Milliseconds a sample may be out of order.") var outOfOrderWindowMs: Int64 = 60_000
    @Option(help: "Seconds a sample may be old; 0 for any age.") var maxSampleAgeSeconds: Int64 = 3_600
    @Option(help: "Compressed bytes of a request that are taken.") var requestLimitBytes = 1 << 20
    @Option(help: "Check one remote-write request in so many, and only count the samples of the others.")
    var verifyOneIn = 1
    @Option(help: "Samples a second that are taken; further requests are answered 429.")
    var samplesPerSecond: Int?
    @Flag(help: "Keep labels and every sample for GET /series.") var keepHistory = false

    @Flag(help: "Keep what has come of each scrape for GET /arrivals, and know every duplicate.")
    var keepArrivals = false

    @Option(help: "Port of the ECS API; 0 for any. Tasks run the exporters; needs --addressing addresses.")
    var ecsPort: Int?
    @Option(help: "Name of the ECS cluster.") var cluster = "demo"
    @Option(help: "Tasks of each ECS service.") var tasksEach = 2
    @Option(help: "Names in a page of the ECS API.") var pageLimit = 100

    @Option(help: "Region that requests are signed for.") var region = "eu-west-1"
    @Option(help: "Access key that requests must be signed with; without it nothing is checked.")
    var accessKey: String?
    @Option(help: "Its secret key.") var secretKey: String?
    @Option(help: "Its session token.") var sessionToken: String?
    @Flag(help: "Take signatures that leave out Content-Type, as AWS does.")
    var unsignedContentType = false
    @Flag(help: "End when standard input closes, as it does when the starter ends.") var untilStdinCloses =
        false

    static func main() async {
        // Pages and requests come and go all the time: what one has left is used for the next, where malloc
        // would otherwise give memory back and take it anew.
        Heap.returnLargeBlocks(from: 32 << 20)
        do throws(ProcessArguments.Fault) {
            await main(try ProcessArguments.words())
        } catch {
            exit(withError: ValidationError(error.description))
        }
    }

    func validate() throws {
        guard (accessKey == nil) == (secretKey == nil) else {
            throw ValidationError("--access-key and --secret-key belong together")
        }
        guard exporters > 0 || ampPort != nil || ecsPort != nil else {
            throw ValidationError("nothing to play: give --exporters, --amp-port or --ecs-port")
        }
        guard verifyOneIn > 0 else { throw ValidationError("--verify-one-in is more than zero") }
        guard samplesPerSecond.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--samples-per-second is more than zero")
        }
        guard exporters >= 0, series >= 0, tasksEach > 0, pageLimit > 0, (0...1).contains(movingShare) else {
            throw ValidationError("counts are not negative and --moving-share is 0 to 1")
        }
        guard [churn, slowShare, failingShare].allSatisfy({ (0...1).contains($0) }), numberSets >= 0,
            (0...86_400_000).contains(slowMs)
        else { throw ValidationError("shares are 0 to 1, and --number-sets and --slow-ms not negative") }
        guard ecsPort == nil || exporters == 0 || addressing == .addresses else {
            throw ValidationError(
                "tasks of one service share a port: use --addressing addresses with --ecs-port")
        }
    }

    private static func addressing(_ text: String) throws -> FleetAddressing { try choice(text) }
    private static func churnKind(_ text: String) throws -> FleetChurn.Kind { try choice(text) }
    private static func format(_ text: String) throws -> FleetFormat { try choice(text) }

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ text: String
    ) throws -> Choice {
        if let choice = Choice(rawValue: text) { return choice }
        let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(text)' is none of \(choices)")
    }

    private var fleetConfiguration: FleetConfiguration {
        FleetConfiguration(
            exporters: exporters, seriesEach: series, addressing: addressing, port: exporterPort,
            movingShare: movingShare, seed: seed, isDistinct: distinct, numberSets: numberSets,
            churn: churn > 0 ? FleetChurn(churnKind, share: churn) : nil, format: format, isCompressed: gzip,
            slowShare: slowShare, slowMs: slowMs, failingShare: failingShare)
    }

    func run() async throws {
        let end = EndSignal.watch(standardInput: untilStdinCloses)
        let credentials = accessKey.map {
            Credentials(accessKeyID: $0, secretAccessKey: secretKey ?? "", sessionToken: sessionToken)
        }
        var ready = Ready(exporters: [], amp: nil, ecs: nil)
        var fleet: ExporterFleet?
        if exporters > 0 {
            let started = try await ExporterFleet.start(fleetConfiguration)
            ready.exporters = started.places.map { Ready.Exporter(address: $0.address, path: $0.path) }
            fleet = started
        }
        var endpoint: StandInAMP?
        if let ampPort {
            let started = try await StandInAMP.start(
                AMPConfiguration(
                    port: ampPort, workspace: workspace, region: region, credentials: credentials,
                    requiresSignedContentType: !unsignedContentType, requestLimitBytes: requestLimitBytes,
                    outOfOrderWindowMs: outOfOrderWindowMs,
                    maxSampleAgeMs: maxSampleAgeSeconds > 0 ? maxSampleAgeSeconds * 1_000 : nil,
                    keepsHistory: keepHistory, keepsArrivals: keepArrivals,
                    samplesPerSecond: samplesPerSecond, verifiesOneIn: verifyOneIn))
            ready.amp = Ready.Place(port: started.port, url: started.url)
            endpoint = started
        }
        var api: StandInECS?
        if let ecsPort {
            let started = try await StandInECS.start(
                ECSConfiguration(
                    port: ecsPort, region: region, credentials: credentials, pageLimit: pageLimit),
                world: .fargate(cluster: cluster, places: fleet?.places ?? [], tasksEach: tasksEach))
            ready.ecs = Ready.Place(port: started.port, url: started.url)
            api = started
        }
        ready.announce()
        await end.wait()
        await fleet?.stop()
        await endpoint?.stop()
        await api?.stop()
    }
}
