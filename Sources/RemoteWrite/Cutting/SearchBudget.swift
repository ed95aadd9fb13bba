/// How many requests may be spent on series that a receiver refuses: so many within any minute, for all slots
/// of a destination together. Finding new ones comes before trying those again that are left out.
struct SearchBudget: Sendable {
    /// Cheap for a receiver that refuses everything, and enough to find one series among 2,048.
    static let perMinute = 12
    /// A request counts for so long: a minute, and what it may wait for its batch to fill.
    static let windowNs: UInt64 = 70_000_000_000
    /// With fewer left no search begins: it would only find that one of very many series is refused.
    static let leastForSearch = 8
    /// Series tried again by themselves in the middle of a batch: a request for them, and one more as the
    /// batch is cut in two.
    static let costOfTryingAgain = 2
    /// Requests that trying series again must leave over, so that a search can still go on.
    static let keptForSearches = 4

    /// When the requests that count were granted, ascending.
    private var grants: [UInt64] = []
    private var lastSearchNs: UInt64?

    /// Requests left now.
    func left(_ nowNs: UInt64) -> Int {
        Self.perMinute - grants.count { $0 + Self.windowNs > nowNs }
    }

    /// Takes `count` requests; false when there are not so many left, and nothing is taken then.
    mutating func take(_ count: Int, _ nowNs: UInt64) -> Bool {
        grants.removeAll { $0 + Self.windowNs <= nowNs }
        guard grants.count + count <= Self.perMinute else { return false }
        grants.append(contentsOf: repeatElement(nowNs, count: count))
        return true
    }

    /// Whether a search may begin. It costs one request, for what is behind the series that it will find,
    /// beside those that it asks with. `isSmall`: it is one among series that were left out, and needs few
    /// requests.
    mutating func beginSearch(_ nowNs: UInt64, isSmall: Bool = false) -> Bool {
        lastSearchNs = nowNs
        return left(nowNs) >= (isSmall ? 2 : Self.leastForSearch) && take(1, nowNs)
    }

    /// Takes what it costs to try series again; false so soon after a search that began or could not.
    mutating func takeTryingAgain(_ nowNs: UInt64) -> Bool {
        if let lastSearchNs, nowNs < lastSearchNs + Self.windowNs { return false }
        return left(nowNs) >= Self.costOfTryingAgain + Self.keptForSearches
            && take(Self.costOfTryingAgain, nowNs)
    }

    /// What was taken to try series again was not needed.
    mutating func giveBackTryingAgain() { grants.removeLast(min(Self.costOfTryingAgain, grants.count)) }
}
