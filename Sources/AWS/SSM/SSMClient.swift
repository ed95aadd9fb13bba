public import JSON

/// The Systems Manager API as far as discovery needs it.
public struct SSMClient: SSMDescribing {
    /// Values that the filter InstanceIds takes (API reference).
    public static let describeLimit = 100
    /// Entries a page holds at most (API reference).
    private static let pageSize = 50
    /// More pages than 100 machines, or all of an account's, could need.
    private static let pageLimit = 1_000

    private let client: AWSClient

    public init(client: AWSClient) { self.client = client }

    private struct Filter {
        let name: String
        let values: [String]

        var json: JSONValue { .object(["Key": .string(name), "Values": .strings(values)]) }
    }

    private struct Request {
        let filters: [Filter]
        var nextToken: String?

        var json: JSONValue {
            .object([
                "Filters": .array(filters.map(\.json)), "MaxResults": .integer(SSMClient.pageSize),
                "NextToken": nextToken.map(JSONValue.string),
            ])
        }
    }

    private struct Answer: JSONReadable {
        let machines: [SSMInstance]
        let nextToken: String?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            machines = try fields.lenientList("InstanceInformationList")
            nextToken = try fields.optional("NextToken")
        }
    }

    public func describeInstanceInformation(_ ids: [String]) async throws(AWSError) -> [SSMInstance] {
        precondition(ids.count <= Self.describeLimit, "the filter takes 100 ids at most")
        do throws(AWSError) {
            return try await pages(Filter(name: "InstanceIds", values: ids))
        } catch {
            // One id that is not of this account fails the whole call; a list of all machines fails for none.
            guard case .service(let name) = error.code,
                ["InvalidInstanceId", "InvalidInstanceInformationFilterValue", "InvalidFilterKey"]
                    .contains(name)
            else { throw error }
            let wanted = Set(ids)
            return try await pages(Filter(name: "ResourceType", values: ["ManagedInstance"]))
                .filter { wanted.contains($0.id) }
        }
    }

    private func pages(_ filter: Filter) async throws(AWSError) -> [SSMInstance] {
        var request = Request(filters: [filter])
        var found: [SSMInstance] = []
        for _ in 0..<Self.pageLimit {
            let answer = try await client.json(.describeInstanceInformation, request.json, Answer.self)
            found += answer.machines
            guard let next = answer.nextToken, !next.isEmpty else { return found }
            guard next != request.nextToken else { break }
            request.nextToken = next
        }
        throw AWSError(
            .malformed, message: "the pages of the list never end",
            operation: DiscoveryOperation.describeInstanceInformation.place)
    }
}

extension SSMInstance: JSONReadable {
    public init(json: JSONNode) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        self.init(
            id: try fields.required("InstanceId"), address: try fields.optional("IPAddress"),
            computerName: try fields.optional("ComputerName"), pingStatus: try fields.optional("PingStatus"))
    }
}
