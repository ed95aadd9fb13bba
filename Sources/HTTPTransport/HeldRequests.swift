/// Requests that have not begun, because consumers are behind: in the order they came. Transfer thread only.
struct HeldRequests {
    private(set) var waiting: [Submission] = []

    var isEmpty: Bool { waiting.isEmpty }
    var count: Int { waiting.count }

    mutating func add(_ submission: Submission) { waiting.append(submission) }

    /// The first of them, so many at most.
    mutating func take(atMost count: Int) -> [Submission] {
        let due = Array(waiting.prefix(count))
        waiting.removeFirst(due.count)
        return due
    }

    /// Nil when it is not among them.
    mutating func remove(_ id: UInt64) -> Submission? {
        waiting.firstIndex { $0.id == id }.map { waiting.remove(at: $0) }
    }

    /// Fails those whose time is up.
    mutating func endLate(nowNs: UInt64) {
        guard waiting.contains(where: { $0.deadlineNs <= nowNs }) else { return }
        for submission in waiting where submission.deadlineNs <= nowNs {
            let what =
                "\(submission.request.place): not begun in time, as every body slot is held by a body being"
                + " worked on"
            submission.reply.end(.failure(HTTPError(.timeout, what)))
        }
        waiting.removeAll { $0.deadlineNs <= nowNs }
    }
}
