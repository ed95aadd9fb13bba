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
    /// `--web.external-url` and `--web.route-prefix`: where the pages are under an address.
    public var externalURL: String?
    public var routePrefix: String?
    /// `--storage.agent.path`: where the file of a running agent is looked for. Nil: in the default directory
    /// and in the working directory.
    public var storagePath: String?
    private let environment: [String: String]

    /// The file of a running agent and the variable of `environment` are used where no flag is given.
    public init(environment: [String: String]) { self.environment = environment }

    /// The answers have so long; what is left of the two seconds is for starting and ending.
    private static let askingMs: Int64 = 1_500
    /// Of a file: an agent listens on a few addresses.
    private static let maxURLs = 16

    /// The URL that answered as a healthy agent does. Throws `.refused` with all that was asked and what came
    /// of it.
    ///
    /// Asked are the addresses of the flag and no other where it is given, else, until one answers as an
    /// agent does, those that an agent has left in the storage directory, those of
    /// `NARTHEX_WEB_LISTEN_ADDRESS`, and the default.
    public func run(
        clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles()
    ) async throws(AgentError) -> String {
        let endNs = clock.monotonicNs + UInt64(Self.askingMs) * 1_000_000
        let (urls, unread) = try candidates(files)
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

    /// The URLs to ask, first things first, and what is wrong with places that may name some.
    private func candidates(
        _ files: any FileDoor
    ) throws(AgentError) -> (urls: [String], unread: [String]) {
        let prefix: String
        do throws(StatusError) {
            prefix = try RoutePrefix(externalURL: externalURL, routePrefix: routePrefix).path
        } catch {
            throw AgentError(.refused, error.message)
        }
        if !listenAddresses.isEmpty {
            return (try Self.urls(listenAddresses, of: "--web.listen-address", prefix), [])
        }
        var urls: [String] = []
        var unread: [String] = []
        for directory in storagePath.map({ [$0] }) ?? [AgentOptions(configFile: "").storagePath, "."] {
            do throws(FileError) {
                let stored = try StatusAddressFile(storagePath: directory, files: files).load()
                // Anything may stand in a file: only what can be asked is.
                urls += stored.prefix(Self.maxURLs).filter { (try? HTTPURL(parsing: $0)) != nil }
                    .map { $0 + "-/healthy" }
            } catch {
                unread.append("\(error)")
            }
        }
        let variable = ListenAddress.list(environment[ListenAddress.variable] ?? "")
        urls += try Self.urls(variable, of: ListenAddress.variable, prefix)
        urls.append("http://\(ListenAddress.standard.localAuthority)\(prefix)/-/healthy")
        var seen: Set<String> = []
        return (urls.filter { seen.insert($0).inserted }, unread)
    }

    private static func urls(
        _ addresses: [String], of source: String, _ prefix: String
    ) throws(AgentError) -> [String] {
        var urls: [String] = []
        for text in addresses {
            do throws(StatusError) {
                let address = try ListenAddress.parse(text)
                urls.append("http://\(address.localAuthority)\(prefix)/-/healthy")
            } catch {
                throw AgentError(.refused, "\(source): \(error.message)")
            }
        }
        return urls
    }
}
