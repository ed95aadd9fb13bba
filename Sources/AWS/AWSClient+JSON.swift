internal import JSON

extension AWSClient {
    /// A json-1.1 call with a value for the request and one for the answer.
    func json<Answer: JSONReadable>(
        _ operation: DiscoveryOperation, _ request: JSONValue, _ type: Answer.Type
    ) async throws(AWSError) -> Answer {
        let body = Array(request.text().utf8)
        let bytes = try await json(service: operation.service, operation: operation.name, body: body)
        do throws(JSONError) {
            return try AWSJSON.read(type, from: bytes)
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not the JSON expected: \(error)",
                operation: operation.place)
        }
    }
}
