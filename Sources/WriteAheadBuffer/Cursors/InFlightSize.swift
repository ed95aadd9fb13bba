/// How much a cursor remembers of requests in flight, and how much that may be.
struct InFlightSize: Sendable, Equatable {
    /// No cursor remembers more requests. `max_shards` is 10,000 at most, and each of so many slots has one
    /// request in flight and the rest of its claim beside it: 20,000. Each start makes those of the run
    /// before again, some of them cut in two, so the bound is three times that. Samples that wait in the
    /// side queue are in no request yet.
    static let mostRequests = 1 << 16

    private(set) var requests = 0
    private var spans = 0
    private var omissions = 0

    mutating func add(_ request: SentRequest) {
        requests += 1
        spans += request.spans.count
        omissions += request.omissions.count
    }

    mutating func remove(_ request: SentRequest) {
        requests -= 1
        spans -= request.spans.count
        omissions -= request.omissions.count
    }

    /// More than a cursor remembers: no writer notes so much, and a file that says so is damaged.
    var isTooMuch: Bool {
        requests > Self.mostRequests || spans > AnsweredRanges.mostInFile
            || omissions > AnsweredRanges.mostInFile
    }
}
