import Addresses

/// What a job's discovery found, and how a sample of it answered.
struct TargetFacts: Sendable, Equatable {
    /// A target that does not answer, or would not be stored.
    struct Fault: Sendable, Equatable {
        /// As it was asked; shown without user and query.
        var url: String
        var reason: String
    }

    var job: String
    var targetCount = 0
    /// Found and not scraped, with the reason of the first.
    var leftOutCount = 0
    var firstLeftOut: String?
    /// What could not be asked.
    var failures: [String] = []
    var triedCount = 0
    var faults: [Fault] = []
    /// The agent's own address among those tried, where nothing answers as no agent runs yet.
    var ownURL: String?
    /// What shows more.
    var commands = DoctorCommands(place: .file(nil))

    private static let faultsShown = 3

    var line: DoctorLine {
        func wrong(_ text: String, _ remedy: String) -> DoctorLine {
            .wrong("targets", of: job, text, remedy: remedy)
        }
        if let first = failures.first {
            let more = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
            return wrong("discovery fails: \(first)\(more)", "\(commands.discover(job: job)) shows all of it")
        }
        let leftOut = firstLeftOut.map { "; \(leftOutCount) left out, for instance \($0)" } ?? ""
        guard targetCount > 0 else {
            return wrong(
                "none is found\(leftOut)", "\(commands.discover(job: job, all: true)) shows what there is")
        }
        let tried =
            triedCount == targetCount ? "\(targetCount) found" : "\(targetCount) found, \(triedCount) tried"
        guard faults.isEmpty else {
            let shown = faults.prefix(Self.faultsShown).map { "\(HTTPURL.shown($0.url)): \($0.reason)" }
            let more = faults.count > shown.count ? ["\(faults.count - shown.count) more"] : []
            return wrong(
                "\(tried), \(faults.count) not scraped: \((shown + more).joined(separator: "; "))\(leftOut)",
                "where nothing answers, look at the port and the security groups; "
                    + "\(commands.scrape(faults[0].url, job: job)) shows a scrape")
        }
        let own = ownURL.map { "\($0) is the agent's own page, and no agent runs there" }
        if let own, triedCount == 1 { return .skipped("targets", of: job, own) }
        return .ok(
            "targets", of: job,
            "\(tried), every one would be stored\(leftOutCount > 0 ? "; \(leftOutCount) left out" : "")"
                + (own.map { ", but that \($0)" } ?? ""))
    }

    /// The indices of the targets to try: at most `limit` of `count`, spread evenly from first to last.
    static func sample(of count: Int, limit: Int) -> [Int] {
        guard count > limit, limit > 0 else { return Array(0..<max(0, min(count, limit))) }
        return (0..<limit).map { limit == 1 ? 0 : $0 * (count - 1) / (limit - 1) }
    }
}
