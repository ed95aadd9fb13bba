internal import Addresses
internal import HTTPTransport
internal import Logging
public import Platform
internal import StatusServer
internal import Telemetry

/// `narthex healthcheck`: asks an agent on this machine for its `/-/healthy`.
public struct Healthcheck: Sendable {
    /// `--web.listen-address`, each time that it is given.
    public var listenAddresses: [String] = []
    /// `--web.external-url` and `--web.route-prefix`: they give the path of the status pages at each address.
    public var externalURL: String?
    public var routePrefix: String?
    /// `--storage.agent.path`: where the file of a running agent is looked for. Nil: in the default directory
    /// and in the working directory.
    public var storagePath: String?
    /// Where the kernel shows processes.
    var processes = "/proc"
    /// Where an agent listens of which nothing says where.
    var standardAddress = ListenAddress.standard
    /// Where the file of an agent is looked for of which nothing says where it stores.
    var standardDirectories = [AgentOptions(configFile: "").storagePath, "."]
    private let environment: [String: String]
    private let commands: [String]

    /// Where no flag is given, process 1, the file of a running agent and the variable of `environment` say
    /// where to ask. `commands` are the names of the commands of the command line.
    public init(environment: [String: String], commands: [String]) {
        self.environment = environment
        self.commands = commands
    }

    /// The answers have so long; what is left of the two seconds is for starting and ending.
    var askingMs: Int64 = 1_500
    /// Of a file: an agent listens on a few addresses.
    private static let maxURLs = 16

    /// What was found healthy: the URL that answered as a healthy agent does, or a sentence about process 1.
    /// Throws `.refused` with all that was asked and what came of it.
    ///
    /// Asked are the addresses of the flag and no other where it is given. Else, until one answers as an
    /// agent does, those that an agent has left in the storage directory, then its own. Which these are says
    /// process 1 where no flag is given at all and that is Narthex: its flags. Where these name no address,
    /// they are those of `NARTHEX_WEB_LISTEN_ADDRESS` and the default. `narthex discover` as process 1 is
    /// healthy, since it has no pages and ends where it cannot go on.
    public func run(
        clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles()
    ) async throws(AgentError) -> String {
        let endNs = clock.monotonicNs + UInt64(askingMs) * 1_000_000
        var places = Places(storagePaths: storagePath.map { [$0] }, addresses: listenAddresses)
        (places.externalURL, places.routePrefix) = (externalURL, routePrefix)
        switch mainCommand(files) {
        case .discover: return "process 1 is narthex discover, which has no pages, and it runs"
        case .run(let flags, let process): places.take(flags, of: process)
        case nil: break
        }
        let (urls, unread) = candidates(places, files)
        let http = HTTPClient(
            HTTPClientConfiguration(userAgent: "narthex/\(AgentVersion.current)"),
            registry: MetricRegistry(), logger: Logger(label: "http"))
        defer { http.shutDown() }
        var faults = unread
        for (index, url) in urls.enumerated() {
            let nowNs = clock.monotonicNs
            guard nowNs < endNs else { break }
            // One that does not answer leaves the others their share of the time.
            let shareMs = Int64((endNs - nowNs) / 1_000_000) / Int64(urls.count - index)
            guard let fault = await Self.fault(of: url, http, timeoutMs: max(1, shareMs)) else { return url }
            faults.append(fault)
        }
        throw AgentError(.refused, "no healthy agent answers:\n" + faults.joined(separator: "\n"))
    }

    /// What is wrong with the answer of `/-/healthy`; nil when nothing is.
    private static func fault(of url: String, _ http: HTTPClient, timeoutMs: Int64) async -> String? {
        do throws(HTTPError) {
            let answer = try await http.perform(
                HTTPRequest(url: url, timeoutMs: timeoutMs, bodyLimitBytes: 4_096))
            let isNarthex = Array(answer.body.bytes) == Array(StatusServer.healthyText.utf8)
            guard answer.status != 200 || !isNarthex else { return nil }
            return "\(url): status \(answer.status)"
                + (answer.status == 200 ? " from another program than Narthex" : "")
        } catch {
            return "\(error)"
        }
    }

    private enum MainCommand {
        case run(FlagReading, MainProcess)
        case discover
    }

    /// Nil where a flag is given, and where process 1 is no agent.
    private func mainCommand(_ files: any FileDoor) -> MainCommand? {
        guard listenAddresses.isEmpty, externalURL == nil, routePrefix == nil, storagePath == nil,
            let process = MainProcess.read(processes: processes, files: files)
        else { return nil }
        return switch process.command(commands: commands, environment: environment, files: files) {
        case .run(let flags): .run(flags, process)
        case .discover: .discover
        case .other: nil
        }
    }

    /// Where an agent may be found.
    private struct Places {
        /// Nil for the default directory and the working directory.
        var storagePaths: [String]?
        /// Of `--web.listen-address`.
        var addresses: [String]
        var externalURL: String?
        var routePrefix: String?
        /// Whether the addresses are those of process 1, which may also be told by its file.
        var areOfProcess = false

        init(storagePaths: [String]?, addresses: [String]) {
            self.storagePaths = storagePaths
            self.addresses = addresses
        }

        mutating func take(_ flags: FlagReading, of process: MainProcess) {
            let path =
                flags.given("storage.agent.path").last ?? flags.given("storage.tsdb.path").last
                ?? AgentOptions(configFile: "").storagePath
            storagePaths = [process.reached(path)]
            addresses = flags.given("web.listen-address")
            externalURL = flags.given("web.external-url").last
            routePrefix = flags.given("web.route-prefix").last
            areOfProcess = true
        }
    }

    /// The URLs to ask, first things first, and what is wrong with places that may name some.
    private func candidates(
        _ places: Places, _ files: any FileDoor
    ) -> (urls: [String], faults: [String]) {
        var urls: [String] = []
        var faults: [String] = []
        if places.addresses.isEmpty || places.areOfProcess {
            for directory in places.storagePaths ?? standardDirectories {
                do throws(FileError) {
                    let stored = try StatusAddressFile(storagePath: directory, files: files).load()
                    // Anything may stand in a file: only what can be asked is.
                    urls += stored.prefix(Self.maxURLs).filter { (try? HTTPURL(parsing: $0)) != nil }
                        .map { $0 + "-/healthy" }
                } catch {
                    faults.append("\(error)")
                }
            }
        }
        var prefix = ""
        do throws(StatusError) {
            prefix = try RoutePrefix(externalURL: places.externalURL, routePrefix: places.routePrefix).path
        } catch {
            faults.append(error.message)
        }
        func add(_ addresses: [String], of source: String) {
            for text in addresses.prefix(Self.maxURLs) {
                do throws(StatusError) {
                    urls.append("http://\(try ListenAddress.parse(text).localAuthority)\(prefix)/-/healthy")
                } catch {
                    faults.append("\(source): \(error.message)")
                }
            }
        }
        add(places.addresses, of: "--web.listen-address")
        if places.addresses.isEmpty {
            // One that is wrong is no reason not to ask elsewhere: a flag comes before it.
            let variable = ListenAddress.list(environment[ListenAddress.variable] ?? "")
            add(variable, of: ListenAddress.variable)
            urls.append("http://\(standardAddress.localAuthority)\(prefix)/-/healthy")
        }
        var seen: Set<String> = []
        return (urls.filter { seen.insert($0).inserted }, faults)
    }
}
