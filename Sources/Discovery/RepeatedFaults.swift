/// Which of the faults that last are to be said again: one that is new at once, the same one now and then.
struct RepeatedFaults: Sendable {
    private struct Said: Sendable {
        let message: String
        let atNs: UInt64
    }

    private let repeatNs: UInt64
    private var said: [String: Said] = [:]

    init(repeatMs: Int64) { repeatNs = UInt64(repeatMs) * 1_000_000 }

    /// True when the fault of `place` is to be said, which counts as said.
    mutating func isDue(_ place: String, _ message: String, nowNs: UInt64) -> Bool {
        if let before = said[place], before.message == message, nowNs &- before.atNs < repeatNs {
            return false
        }
        said[place] = Said(message: message, atNs: nowNs)
        return true
    }

    /// The place is well again.
    mutating func forget(_ place: String) { said[place] = nil }
}
