public import HTTPServer
internal import JSON
public import Platform
import Synchronization

/// The parts of the APIs of ECS, EC2 and Systems Manager that discovery calls, on one port of loopback, with
/// paging, limits and signatures checked; and the task metadata endpoint of a task in the first cluster.
public final class StandInECS: Sendable {
    private struct State {
        var world: ECSWorld
        var calls: [String: UInt64] = [:]
        var signaturesChecked: UInt64 = 0
        var signaturesRefused: UInt64 = 0
        var faults: [String: (fault: ECSFault, calls: Int?)] = [:]
    }

    /// In the list of faults: whatever is called.
    private static let anyOperation = "*"

    public let configuration: ECSConfiguration
    /// By the name that requests are signed for.
    private let verifiers: [String: SigV4Verifier]
    private let state: Mutex<State>
    private let server = Mutex<HTTPServer?>(nil)

    private init(_ configuration: ECSConfiguration, world: ECSWorld, clock: any AgentClock) {
        precondition(configuration.pageLimit > 0, "a page without names never ends")
        self.configuration = configuration
        let services = configuration.credentials == nil ? [] : ["ecs", "ec2", "ssm"]
        verifiers = Dictionary(
            uniqueKeysWithValues: services.compactMap { service in
                configuration.credentials.map {
                    let verifier = SigV4Verifier(
                        credentials: $0, region: configuration.region, service: service, clock: clock)
                    return (service, verifier)
                }
            })
        state = Mutex(State(world: world))
    }

    /// Starts listening on loopback.
    public static func start(
        _ configuration: ECSConfiguration = ECSConfiguration(), world: ECSWorld,
        clock: any AgentClock = SystemClock()
    ) async throws(ServerError) -> StandInECS {
        let api = StandInECS(configuration, world: world, clock: clock)
        let server = try await HTTPServer.startStandIn(port: configuration.port, bodyLimitBytes: 1 << 20) {
            [weak api] request in api?.answer(request) ?? ServerResponse(status: 503)
        }
        api.server.withLock { $0 = server }
        return api
    }

    public var port: Int { server.withLock { $0?.port ?? 0 } }
    /// What `AWS_ENDPOINT_URL_ECS` or `endpoint` is set to.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// Changes what the API knows, for instance a task that stops.
    public func update(_ change: (inout ECSWorld) -> Void) { state.withLock { change(&$0.world) } }

    public var world: ECSWorld { state.withLock { $0.world } }
    /// Calls by operation, refused ones included.
    public var calls: [String: UInt64] { state.withLock { $0.calls } }
    public var signaturesChecked: UInt64 { state.withLock { $0.signaturesChecked } }
    public var signaturesRefused: UInt64 { state.withLock { $0.signaturesRefused } }

    /// Sets what goes wrong with `operation` (nil: with any), where that asks for `cluster` (nil: for any),
    /// for so many calls or until it is set to nil.
    public func setFault(
        _ fault: ECSFault?, operation: String? = nil, cluster: String? = nil, calls: Int? = nil
    ) {
        let key = Self.key(operation ?? Self.anyOperation, cluster)
        state.withLock { $0.faults[key] = fault.map { ($0, calls) } }
    }

    /// In the list of faults.
    private static func key(_ operation: String, _ cluster: String?) -> String {
        cluster.map { "\(operation) \($0)" } ?? operation
    }

    public func stop() async {
        let running = server.withLock { $0.take() }
        await running?.stop(graceMs: 100)
    }

    private func answer(_ request: ServerRequest) -> ServerResponse {
        if let response = controlAnswer(request) { return response }
        guard let call = APICall(request) else {
            return refusal(ECSRefusal("UnknownOperationException", "no call that is played here"), nil)
        }
        state.withLock { $0.calls[call.operation, default: 0] += 1 }
        if let fault = nextFault(call) { return answer(fault, call) }
        if let verifier = verifiers[call.service] {
            do throws(SigV4Refusal) {
                try verifier.verify(request)
                state.withLock { $0.signaturesChecked += 1 }
            } catch {
                state.withLock { $0.signaturesRefused += 1 }
                return refusal(ECSRefusal(error.type, error.message), call)
            }
        }
        do throws(ECSRefusal) {
            let text = try call.answer(
                world: world, region: configuration.region, pageLimit: configuration.pageLimit)
            return call.isXML ? ServerResponse(contentType: "text/xml", text: text) : json(200, text)
        } catch {
            return refusal(error, call)
        }
    }

    private func nextFault(_ call: APICall) -> ECSFault? {
        state.withLock { state in
            // Most of all what is meant for this cluster.
            let keys = Set([call.cluster, nil]).sorted { ($0 ?? "") > ($1 ?? "") }.flatMap { cluster in
                [call.operation, Self.anyOperation].map { Self.key($0, cluster) }
            }
            for key in keys {
                guard let (fault, calls) = state.faults[key] else { continue }
                guard let calls else { return fault }
                if calls > 0 {
                    state.faults[key] = (fault, calls - 1)
                    return fault
                }
                state.faults[key] = nil
            }
            return nil
        }
    }

    private func answer(_ fault: ECSFault, _ call: APICall) -> ServerResponse {
        func refused(_ type: String, _ message: String, status: Int = 400) -> ServerResponse {
            refusal(ECSRefusal(type, message, status: status), call)
        }
        return switch fault {
        case .throttling: refused("ThrottlingException", "Rate exceeded")
        case .accessDenied:
            refused(
                "AccessDeniedException",
                "User: arn:aws:sts::123456789012:assumed-role/demo/x is not authorized to perform this")
        case .expiredToken:
            refused("ExpiredTokenException", "The security token included in the request is expired")
        case .serverError:
            refused("ServerException", "Service Unavailable. Please try again later.", status: 500)
        case .garbage: ServerResponse(contentType: "text/html", text: "<html>not JSON")
        case .hostile: json(200, Self.hostileAnswer)
        case .hang: ServerResponse(fault: .neverAnswer)
        case .close: ServerResponse(fault: .closeWithoutAnswer)
        }
    }

    /// JSON that is right in no place where a field could be wrong.
    private static let hostileAnswer = """
        {"nextToken":"","clusterArns":[1,null,{}],"taskArns":[7,null,[],{"a":"b"}],"serviceArns":{},\
        "tasks":[null,7,"x",{},{"taskArn":7},{"taskArn":"x","containers":{"a":1}},\
        {"taskArn":"y","lastStatus":"RUNNING","containers":[{"name":7}],"attachments":"z"}],\
        "failures":{"arn":1},"taskDefinition":{"taskDefinitionArn":[]},"containerInstances":[{}]}
        """

    private func refusal(_ refusal: ECSRefusal, _ call: APICall?) -> ServerResponse {
        if call?.isXML ?? false {
            return ServerResponse(
                status: refusal.status, contentType: "text/xml", text: MachineAnswers.refusal(refusal))
        }
        return json(
            refusal.status,
            JSONValue.object(["__type": .string(refusal.type), "message": .string(refusal.message)]).text(),
            errorType: refusal.type)
    }

    private func json(_ status: Int, _ text: String, errorType: String? = nil) -> ServerResponse {
        var response = ServerResponse(status: status, contentType: "application/x-amz-json-1.1", text: text)
        response.headers.add("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
        if let errorType { response.headers.add("x-amzn-ErrorType", errorType) }
        return response
    }

    private struct FaultOrder: JSONReadable {
        let fault: String
        let operation: String?
        let cluster: String?
        let calls: Int?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            fault = try fields.required("fault")
            operation = try fields.optional("operation")
            cluster = try fields.optional("cluster")
            calls = try fields.optional("calls")
        }
    }

    /// Of a task in the first cluster.
    private var taskMetadata: String {
        let cluster = world.clusters.first?.name ?? "default"
        let arn = "arn:aws:ecs:\(configuration.region):123456789012:task/\(cluster)/stand-in"
        let task: JSONValue = [
            "Cluster": .string(cluster), "Family": "agent", "Revision": "1", "TaskARN": .string(arn),
        ]
        return task.text()
    }

    /// What `ECS_CONTAINER_METADATA_URI_V4` is set to.
    public var metadataURL: String { "\(url)/v4/stand-in" }

    /// For other processes: `GET /stats`, `GET /world`, `POST /world`, `POST /fault` with
    /// `{"fault": "throttling", "operation": "ListTasks", "cluster": "prod", "calls": 3}` or fault none.
    private func controlAnswer(_ request: ServerRequest) -> ServerResponse? {
        switch (request.method, request.path) {
        case ("GET", "/stats"):
            let stats = state.withLock { state -> JSONValue in
                [
                    "calls": .map(state.calls), "signaturesChecked": .integer(state.signaturesChecked),
                    "signaturesRefused": .integer(state.signaturesRefused),
                ]
            }
            return json(200, stats.text())
        case ("GET", "/world"): return json(200, world.json.text())
        case ("GET", "/v4/stand-in/task"):
            return json(200, taskMetadata)
        case ("POST", "/world"):
            guard let world = try? JSONText.decode(ECSWorld.self, from: request.body) else {
                return json(400, JSONValue.message("no world").text())
            }
            update { $0 = world }
        case ("POST", "/fault"):
            guard let order = try? JSONText.decode(FaultOrder.self, from: request.body),
                order.fault == "none" || ECSFault(rawValue: order.fault) != nil
            else { return json(400, JSONValue.message("no fault order").text()) }
            setFault(
                ECSFault(rawValue: order.fault), operation: order.operation, cluster: order.cluster,
                calls: order.calls)
        default: return nil
        }
        return json(200, JSONValue.object(["ok": true]).text())
    }
}
