/// When libcurl's idle connections are to be closed, decided without doing anything.
///
/// libcurl 7.88 looks for connections that have idled too long when a request begins, but at most once a
/// second, and counts their age in whole seconds. So within the window every request asks for connections
/// that are no older than `mostIdleSeconds`, and a request of our own is begun four times, so that one of the
/// looks comes when all that were idle at the beginning are old enough.
struct RelaxWindow {
    /// libcurl keeps what has idled for less than one second more than this. In later versions 0 is no limit.
    static let mostIdleSeconds = 1
    /// A little above the second in which libcurl does not look again.
    static let stepNs: UInt64 = 1_050_000_000
    /// The last of them comes 3.15 s after the beginning, the one before it 2.1 s: a look between the two
    /// finds all that have idled for 2 s.
    static let steps: UInt64 = 3

    /// The window is open until then.
    private var endNs: UInt64 = 0
    /// When libcurl is to look the next time; `.max` outside of a window.
    private(set) var nextNs = UInt64.max

    /// A request that begins now asks for young connections only.
    func isOpen(nowNs: UInt64) -> Bool { nowNs < endNs }

    /// Opens the window anew; the looks stay a second apart however often it is opened.
    mutating func open(nowNs: UInt64) {
        endNs = nowNs + Self.steps * Self.stepNs
        if nextNs == .max { nextNs = nowNs }
    }

    /// Whether libcurl is to look now.
    mutating func isDue(nowNs: UInt64) -> Bool {
        guard nowNs >= nextNs else { return false }
        // The last look may come a little late, and then is the last all the same.
        nextNs = nowNs < endNs ? min(nowNs + Self.stepNs, endNs) : .max
        return true
    }
}
