import HTTPServer
internal import JSON

/// A call of one of the services that are played, as its request tells it.
struct APICall {
    private static let targets = [
        ("AmazonEC2ContainerServiceV20141113.", "ecs"), ("AmazonSSM.", "ssm"),
    ]

    /// As requests are signed for it: `ecs`, `ec2` or `ssm`.
    let service: String
    let operation: String
    private let body: [UInt8]

    /// Nil when it is none of them.
    init?(_ request: ServerRequest) {
        guard request.method == "POST", request.path == "/" else { return nil }
        body = request.body
        if request.headers["Content-Type"] == "application/x-amz-json-1.1",
            let target = request.headers["X-Amz-Target"],
            let (prefix, service) = Self.targets.first(where: { target.hasPrefix($0.0) })
        {
            self.service = service
            operation = String(target.dropFirst(prefix.count))
            return
        }
        guard request.headers["Content-Type"]?.hasPrefix("application/x-www-form-urlencoded") ?? false,
            let action = Self.form(request.body).first(where: { $0.name == "Action" })
        else { return nil }
        service = "ec2"
        operation = action.value
    }

    var isXML: Bool { service == "ec2" }

    /// The name of the cluster that ECS is asked for, if it is.
    var cluster: String? {
        guard service == "ecs" else { return nil }
        // A body that is no request asks for no cluster.
        let request = try? JSONText.decode(ECSShapes.Request.self, from: body)
        return request?.cluster.flatMap { $0.split(separator: "/").last.map(String.init) }
    }

    func answer(world: ECSWorld, region: String, pageLimit: Int) throws(ECSRefusal) -> String {
        switch (service, operation) {
        case ("ecs", _):
            let fields = try decoded(ECSShapes.Request.self)
            return try ECSAnswers(world: world, region: region, pageLimit: pageLimit)
                .answer(operation, fields)
        case ("ssm", "DescribeInstanceInformation"):
            return try MachineAnswers(world: world)
                .describeInstanceInformation(decoded(MachineAnswers.InformationRequest.self))
        case ("ec2", "DescribeInstances"):
            return try MachineAnswers(world: world).describeInstances(Self.form(body))
        case ("ec2", "DescribeNetworkInterfaces"):
            return try MachineAnswers(world: world).describeNetworkInterfaces(Self.form(body))
        default: throw ECSRefusal("UnknownOperationException", "\(operation) is not played here")
        }
    }

    private func decoded<Value: JSONReadable>(_ type: Value.Type) throws(ECSRefusal) -> Value {
        // What is wrong with it does not matter to a stand-in.
        guard let value = try? JSONText.decode(type, from: body) else {
            throw ECSRefusal("SerializationException", "the body is no JSON object of this operation")
        }
        return value
    }

    /// Ids and names need no decoding beyond `%2D` and the like, which no client here writes.
    private static func form(_ body: [UInt8]) -> [(name: String, value: String)] {
        String(decoding: body, as: UTF8.self).split(separator: "&").compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
    }
}
