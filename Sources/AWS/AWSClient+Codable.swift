import FoundationEssentials

extension AWSClient {
    /// A json-1.1 call with values for the request and the answer.
    func json<Answer: Decodable>(
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
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not the JSON expected: \(error)",
                operation: operation.place)
        }
    }
}
