/// How often a target's page changes: what decides whether it is read by the order of its lines.
struct PageChanges: Sendable {
    /// So many unchanged pages in a row, and the lines go back into chunks, which equal targets share.
    private static let calmPages = 64
    /// After a page that could not be read by its order, no order is made or used for so many pages.
    private static let pause = 16

    /// One bit for each of the last pages: whether it changed.
    private var changed: UInt8 = 0
    /// Unchanged pages in a row.
    private var calm = 0
    /// Pages until an order is made again.
    private var wait = 0

    /// Whether an order of the page's lines is to be made: at least two of the last eight pages changed, and
    /// none was read in vain by its order of late.
    var isFrequent: Bool { changed.nonzeroBitCount >= 2 && wait == 0 }
    /// Whether an order no longer pays.
    var isCalm: Bool { calm >= Self.calmPages }

    /// Whether the order that there is waits: pages break a limit, so that each would be read twice.
    var isWaiting: Bool { wait > 0 }

    /// Takes in that a page broke a limit again, as the one before it did.
    mutating func noteBrokenLimit() { wait = wait > 0 ? wait - 1 : Self.pause }

    /// Takes in a page that was read; `hasOrder` says whether the next one is read by an order.
    mutating func note(_ body: ReadBody, hasOrder: Bool, isUnchanged: Bool) {
        changed = changed << 1 | (isUnchanged ? 0 : 1)
        calm = isUnchanged ? calm + 1 : 0
        wait = max(0, wait - 1)
        if body.hasDefiedOrder || body.wantsOrder && !hasOrder { wait = Self.pause }
    }
}
