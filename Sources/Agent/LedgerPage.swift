import JSON
import WriteAheadBuffer

extension Stages {
    /// The answer of `/api/v1/narthex/ledger`: the numbers of `/metrics`, all of one moment.
    func ledger() -> String {
        let ledger = AgentMetrics.shown(buffer.ledger(), jobs: jobs.map(\.name))
        let destinations = ledger.destinations.sorted { $0.key < $1.key }.map { name, jobs in
            JSONValue.object([
                "name": .string(name),
                "jobs": .array(
                    jobs.sorted { $0.key < $1.key }.map { job, books in
                        .object(books.members(ofJob: job) + [.init("inMemory", .integer(books.inMemory))])
                    }),
            ])
        }
        let scraped = ledger.jobs.sorted { $0.key < $1.key }.map {
            JSONValue.Member($0.key, .integer($0.value))
        }
        return JSONValue.object([
            "status": "success",
            "data": .object([
                "scraped": .object(scraped), "destinations": .array(destinations),
                "oldestUnansweredMs": ledger.oldestUnackedTimestampMs.map { .integer($0) },
                "buffer": .object([
                    "bytes": .integer(buffer.sizeBytes), "segments": .integer(buffer.segmentCount),
                    "diskRefuses": .bool(buffer.isDiskRefusing),
                ]),
            ]),
        ]).text()
    }
}

extension DestinationLedger {
    /// A job's row of a page, in samples: scraped = delivered + dropped + buffered.
    func members(ofJob job: String) -> [JSONValue.Member] {
        let reasons = dropped.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .integer($0.value)) }
        return [
            .init("job", .string(job)), .init("scraped", .integer(scraped)),
            .init("delivered", .integer(delivered)), .init("dropped", .object(reasons)),
            .init("buffered", .integer(buffered)), .init("earlier", .integer(earlier)),
        ]
    }
}
