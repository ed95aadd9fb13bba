/// Looks for the highest load that is borne: doubles it until it is not, then halves the gap between the
/// highest load borne and the lowest that was not.
struct RampSearch: Equatable {
    /// The search ends when the gap is at most this share of the load borne.
    static let resolution = 0.1

    private(set) var borne: Int?
    private(set) var notBorne: Int?
    private let first: Int
    private let limit: Int

    /// Begins with `first` and never asks for more than `limit`. Both are more than zero.
    init(first: Int, limit: Int) {
        precondition(first > 0 && limit >= first, "a ramp goes up")
        self.first = first
        self.limit = limit
    }

    /// The load to try next; nil when there is nothing more to learn.
    var next: Int? {
        guard let borne else {
            // Not even the first load: smaller ones, until there is one that is.
            guard let notBorne else { return first }
            return notBorne > 1 ? notBorne / 2 : nil
        }
        guard let notBorne else { return borne < limit ? min(limit, borne * 2) : nil }
        let gap = notBorne - borne
        return gap > 1 && Double(gap) > Double(borne) * Self.resolution ? borne + gap / 2 : nil
    }

    /// What was learnt of one load.
    mutating func note(_ load: Int, isBorne: Bool) {
        if isBorne {
            borne = max(borne ?? 0, load)
        } else {
            notBorne = min(notBorne ?? .max, load)
        }
    }
}
