import AWS
import Addresses
import Configuration
import HTTPTransport
import Logging
import Platform
import StatusServer
import Telemetry

extension GeneratedConfiguration {
    /// Finds out what is needed besides the URL: clusters, regions and labels, from the environment and the
    /// ECS task that the agent runs in.
    static func find(
        remoteWriteURL url: String, options: AgentOptions, access: AWSAccess
    ) async throws(AgentError) -> GeneratedConfiguration {
        let environment = options.environment.filter { !$0.value.isEmpty }
        let parts: HTTPURL
        do throws(AddressError) { parts = try HTTPURL(parsing: url) } catch {
            throw fault("\(source) \(error); it looks like https://HOST/api/v1/remote_write")
        }
        guard !parts.hasUser, parts.query == nil, !parts.hasFragment else {
            throw fault(
                "\(source) has a user, a query or a fragment, which takes a configuration file")
        }
        let host = parts.hostName
        if let problem = WorkspaceURL.problem(url) { throw fault("\(source) \(problem)") }
        let (clusters, task) = try await Self.clusters(environment: environment, access: access)
        guard !clusters.isEmpty else {
            throw fault(
                "there is no cluster to discover: this is no ECS task (ECS_CONTAINER_METADATA_URI_V4 is not "
                    + "set). Set NARTHEX_CLUSTERS to names or ARNs, or give a configuration file with "
                    + "--config.file")
        }
        // Of the clusters: the workspace's is a guess that is better than none.
        let region = await access.region(configured: nil) ?? AWSRegion.ofAMP(host: host)
        let isSigned = AWSRegion.ofAMP(host: host) != nil || url.contains("/workspaces/ws-")
        let signingRegion = AWSRegion.ofAMP(host: host) ?? region
        guard !isSigned || signingRegion != nil else {
            throw fault("no AWS region to sign for: the URL's host names none; set AWS_REGION")
        }
        return GeneratedConfiguration(
            remoteWriteURL: url, signingRegion: isSigned ? signingRegion : nil,
            clusters: try grouped(clusters, region: region),
            scrapeInterval: environment["NARTHEX_SCRAPE_INTERVAL"] ?? "30s",
            externalLabels: try labels(environment["NARTHEX_EXTERNAL_LABELS"] ?? ""),
            ownAddress: ownAddress(options.listenAddress), ownPrefix: ownPrefix(options),
            ownInstance: task?.taskARN.split(separator: "/").last.map(String.init) ?? HostName.current)
    }

    /// The clusters that an agent without a file looks at, and the task that it runs in: those that
    /// NARTHEX_CLUSTERS names, else the task's own; none where neither is there.
    static func clusters(
        environment: [String: String], access: AWSAccess
    ) async throws(AgentError) -> (names: [String], task: TaskMetadata?) {
        let named = list(environment["NARTHEX_CLUSTERS"] ?? "")
        // Outside ECS there is no endpoint; inside it must answer when it alone knows the cluster.
        guard let client = access.taskMetadata() else { return (named, nil) }
        do throws(AWSError) {
            let task = try await client.task()
            return (named.isEmpty ? [task.clusterARN] : named, task)
        } catch {
            guard !named.isEmpty else {
                throw fault("the own cluster cannot be found out: \(error). Set NARTHEX_CLUSTERS")
            }
            return (named, nil)
        }
    }

    private static let source = "the remote_write URL (--remote-write.url or NARTHEX_REMOTE_WRITE_URL)"

    private static func fault(_ message: String) -> AgentError { AgentError(.configuration, message) }

    private static func list(_ text: String) -> [String] {
        text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init)
    }

    /// A cluster's ARN names its region; a name is looked for in `region`.
    static func grouped(
        _ clusters: [String], region: String?
    ) throws(AgentError) -> [GeneratedConfiguration.Clusters] {
        var groups: [GeneratedConfiguration.Clusters] = []
        for cluster in clusters {
            let parts = cluster.split(separator: ":", omittingEmptySubsequences: false)
            let own = parts.count > 3 && parts[0] == "arn" ? String(parts[3]) : region
            guard let own else {
                throw fault(
                    "NARTHEX_CLUSTERS: no region for the cluster \(cluster): set AWS_REGION, or write its ARN"
                )
            }
            if let index = groups.firstIndex(where: { $0.region == own }) {
                groups[index].names.append(cluster)
            } else {
                groups.append(GeneratedConfiguration.Clusters(region: own, names: [cluster]))
            }
        }
        return groups
    }

    private static func labels(_ text: String) throws(AgentError) -> [(name: String, value: String)] {
        var labels: [(name: String, value: String)] = []
        for pair in text.split(separator: ",") {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = words[0].filter { !$0.isWhitespace }
            guard words.count == 2, !name.isEmpty, !labels.contains(where: { $0.name == name }) else {
                throw fault(
                    "NARTHEX_EXTERNAL_LABELS is a list of different NAME=VALUE with commas between, for "
                        + "instance cluster=shop,env=prod")
            }
            labels.append((name, String(words[1])))
        }
        return labels
    }

    /// A wrong one is said when the pages are opened.
    private static func ownPrefix(_ options: AgentOptions) -> String {
        (try? RoutePrefix(externalURL: options.externalURL, routePrefix: options.routePrefix))?.path ?? ""
    }

    /// Where the agent reaches its own page; nil when the port is only known later.
    private static func ownAddress(_ text: String) -> String? {
        // A wrong address is said when it is bound.
        guard let address = try? ListenAddress.parse(text), address.port != 0 else { return nil }
        return address.localAuthority
    }
}
