import AWS

/// Task definitions by ARN. One never changes, so it is asked for once.
struct ECSDefinitions {
    /// More than any account runs at a time; some 1 KB each.
    static let limit = 2_000

    private var known: [String: ECSTaskDefinition] = [:]
    /// Oldest first.
    private var order: [String] = []

    /// Throws what concerns all calls (throttling, access, the network). Gives as `failure` what concerns
    /// this definition alone, for instance one that was deleted while its tasks run on.
    mutating func definition(
        _ arn: String, _ ecs: any ECSDescribing
    ) async throws(AWSError) -> Result<ECSTaskDefinition, AWSError> {
        if let definition = known[arn] { return .success(definition) }
        do throws(AWSError) {
            let definition = try await ecs.describeTaskDefinition(arn)
            if known.count >= Self.limit { known[order.removeFirst()] = nil }
            known[arn] = definition
            order.append(arn)
            return .success(definition)
        } catch {
            switch error.code {
            case .notFound, .service, .malformed: return .failure(error)
            default: throw error
            }
        }
    }
}
