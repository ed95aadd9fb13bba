import FoundationEssentials
internal import JSON

extension AWSClient {
    /// A json-1.1 call with values for the request and the answer.
    func json<Answer: JSONReadable>(
        _ operation: DiscoveryOperation, _ request: some Encodable, _ type: Answer.Type
    ) async throws(AWSError) -> Answer {
        let body: Data
        do {
            body = try JSONEncoder().encode(request)
        } catch {
            throw AWSError(
                .malformed, message: "the request cannot be written as JSON: \(error)",
                operation: operation.place)
        }
        let bytes = try await json(service: operation.service, operation: operation.name, body: Array(body))
        do throws(JSONError) {
            return try AWSJSON.read(type, from: bytes)
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not the JSON expected: \(error)",
                operation: operation.place)
        }
    }
}
