/// When what failed is tried again: after a second, and then after twice as long each time, up to a minute.
struct RetryPause {
    static let firstNs: UInt64 = 1_000_000_000
    static let mostNs: UInt64 = 60_000_000_000

    private var pauseNs: UInt64 = 0
    private var notBeforeNs: UInt64 = 0

    func isDue(_ nowNs: UInt64) -> Bool { nowNs >= notBeforeNs }

    mutating func failed(_ nowNs: UInt64) {
        pauseNs = pauseNs == 0 ? Self.firstNs : min(Self.mostNs, pauseNs * 2)
        notBeforeNs = nowNs + pauseNs
    }

    mutating func succeeded() { self = RetryPause() }
}
