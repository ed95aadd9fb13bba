/// What a page may take beside its body while it is read. Most pages take no more than their bytes, and
/// nobody is asked for that. What a page unfolds to beyond it is charged to whoever keeps account of the
/// body; where it does not fit the scrape fails, so that no page takes the memory of the others.
struct PageMemory {
    /// What a page may take beside its bytes without being charged.
    static let freeBytes = 1 << 20
    /// Charged at a time.
    private static let stepBytes = 256 << 10

    private let allowedBytes: Int
    private let charge: (_ bytes: Int) -> Bool

    /// For a body of so many bytes. `charge` is asked whether the page may take so many bytes in all beyond
    /// what is free.
    init(bodyBytes: Int, charge: @escaping (_ bytes: Int) -> Bool) {
        allowedBytes = Self.freeBytes + bodyBytes
        self.charge = charge
    }

    /// Throws when the page, which takes `bytes` now, may not.
    func check(_ bytes: Int) throws(ScrapeError) {
        guard bytes > allowedBytes else { return }
        let beyond = bytes - allowedBytes
        let steps = (beyond + Self.stepBytes - 1) / Self.stepBytes
        guard charge(steps * Self.stepBytes) || charge(beyond) else {
            throw ScrapeError(
                .memory,
                "the page unfolds to \(bytes) bytes while it is read, and there is no memory left for that: "
                    + "have the target say less, or give the agent more memory")
        }
    }
}
