public import HTTPTransport
public import JSON
public import Platform

/// The ECS task that this process runs in, as its metadata endpoint (version 4) tells.
public struct TaskMetadata: Sendable, Equatable {
    /// The cluster's ARN, or its short name on older agents.
    public var cluster: String
    public var taskARN: String
    public var family: String
    public var revision: String
    public var availabilityZone: String?
    public var launchType: String?
    public var serviceName: String?

    /// The task's id: the last part of its ARN.
    public var id: String { taskARN.split(separator: "/").last.map(String.init) ?? taskARN }

    /// From the task's ARN, as a local zone's name does not end like its region's.
    public var region: String? {
        let parts = taskARN.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 6, parts[0] == "arn", AWSRegion.isRegion(parts[3]) { return parts[3] }
        guard var zone = availabilityZone, zone.last?.isLetter == true else { return nil }
        zone.removeLast()
        return zone.last?.isNumber == true && AWSRegion.isRegion(zone) ? zone : nil
    }

    /// The cluster's ARN: what discovery asks for. A short name is completed from the task's ARN.
    public var clusterARN: String {
        guard !cluster.hasPrefix("arn:") else { return cluster }
        let parts = taskARN.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 6, parts[0] == "arn" else { return cluster }
        return parts[..<5].joined(separator: ":") + ":cluster/\(cluster)"
    }
}

/// Asks the metadata endpoint that ECS gives every container.
public struct TaskMetadataClient: Sendable {
    /// The variable in the environment of a container that has the endpoint's URL.
    public static let variable = "ECS_CONTAINER_METADATA_URI_V4"
    private static let timeoutMs: Int64 = 2_000
    /// The endpoint may come up a moment after the container: some ten seconds in all.
    private static let attempts = 6
    private static let limitBytes = 1 << 20

    private let base: String
    private let http: any HTTPPerforming
    private let clock: any AgentClock

    /// Nil where the environment names no endpoint: this is no ECS task.
    public init?(environment: [String: String], http: any HTTPPerforming, clock: any AgentClock) {
        guard var url = environment[Self.variable], !url.isEmpty else { return nil }
        while url.hasSuffix("/") { url.removeLast() }
        base = url
        self.http = http
        self.clock = clock
    }

    /// The task. Tries for some ten seconds; throws what hindered the last try.
    public func task() async throws(AWSError) -> TaskMetadata {
        var pauseMs: Int64 = 250
        for attempt in 1...Self.attempts {
            let failure: AWSError
            switch await attempted() {
            case .success(let answer):
                if answer.status == 200 { return try read(answer.body.bytes) }
                failure = fault("HTTP \(answer.status)")
                guard answer.status >= 500 || [404, 429].contains(answer.status) else { throw failure }
            case .failure(let error):
                failure = fault(error.message, error.code)
                guard ![.cancelled, .shutDown, .badURL].contains(error.code) else { throw failure }
            }
            if attempt == Self.attempts { throw failure }
            do { try await clock.sleep(forMs: pauseMs) } catch {
                throw fault("cancelled between two attempts", .cancelled)
            }
            pauseMs = min(pauseMs * 2, 4_000)
        }
        preconditionFailure("the last attempt returns or throws")
    }

    private func attempted() async -> Result<HTTPResponse, HTTPError> {
        let request = HTTPRequest(
            url: base + "/task", timeoutMs: Self.timeoutMs, bodyLimitBytes: Self.limitBytes)
        do throws(HTTPError) {
            return .success(try await http.perform(request))
        } catch {
            return .failure(error)
        }
    }

    private func fault(_ message: String, _ code: HTTPError.Code = .other) -> AWSError {
        let kind: AWSError.Code = code == .cancelled || code == .shutDown ? .cancelled : .transport
        return AWSError(kind, message: message, operation: "ECS task metadata (\(Self.variable))")
    }

    private func read(_ bytes: [UInt8]) throws(AWSError) -> TaskMetadata {
        do throws(JSONError) {
            return try AWSJSON.read(TaskMetadata.self, from: bytes)
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not what the endpoint documents: \(error)",
                operation: "ECS task metadata (\(Self.variable))")
        }
    }
}

extension TaskMetadata: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            cluster: try fields.required("Cluster"), taskARN: try fields.required("TaskARN"),
            family: try fields.optional("Family") ?? "", revision: try fields.optional("Revision") ?? "",
            availabilityZone: try fields.optional("AvailabilityZone"),
            launchType: try fields.optional("LaunchType"), serviceName: try fields.optional("ServiceName"))
        guard !cluster.isEmpty, !taskARN.isEmpty else {
            throw JSONMismatch("Cluster and TaskARN must not be empty", at: json)
        }
    }
}
