internal import HTTPTransport

/// Waits in front of a client; told apart by what the requests say they are.
struct PacedHTTP: HTTPPerforming {
    let http: any HTTPPerforming
    let pace: AccountPace

    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        guard let operation = Self.operation(of: request) else { return try await http.perform(request) }
        let pacer: CallPacer
        do {
            pacer = try await pace.take(operation)
        } catch {
            throw HTTPError(.cancelled, "cancelled while waiting for the call's turn")
        }
        let response = try await http.perform(request)
        if response.status >= 400 {
            if ServiceFault(response).isThrottling { pacer.wasThrottled(operation) }
        } else if operation.service == .ecs || operation == .describeInstances {
            pace.learn(from: response.body.bytes)
        }
        return response
    }

    /// json 1.1 names it in a header, ec2 query at the beginning of the body.
    static func operation(of request: HTTPRequest) -> DiscoveryOperation? {
        if let header = request.headers.first(where: { $0.name.lowercased() == "x-amz-target" }) {
            return header.value.split(separator: ".").last.flatMap {
                DiscoveryOperation(rawValue: String($0))
            }
        }
        let form = String(decoding: request.body.prefix(256), as: UTF8.self)
        guard let field = form.split(separator: "&").first(where: { $0.hasPrefix("Action=") }) else {
            return nil
        }
        return DiscoveryOperation(rawValue: String(field.dropFirst("Action=".count)))
    }
}
