/// Where each chunk of a frame finds its base in the target's frame before. Writer and reader make it by the
/// same rule: the first chunk of the earlier layout with the same number.
enum BaseMap: Sendable {
    /// No frame before: every chunk is XOR-ed against 0.
    case none
    /// The layout is the one of the frame before.
    case same
    /// By chunk, the base's first value, or -1.
    case moved([Int])

    init(from before: [UInt32], starts: [UInt32], to after: [UInt32]) {
        if before == after {
            self = .same
            return
        }
        var first: [UInt32: Int] = [:]
        for (index, chunk) in before.enumerated() where first[chunk] == nil {
            first[chunk] = Int(starts[index])
        }
        self = .moved(after.map { first[$0] ?? -1 })
    }

    func start(of chunk: Int, starts: [UInt32]) -> Int {
        switch self {
        case .none: -1
        case .same: Int(starts[chunk])
        case .moved(let bases): bases[chunk]
        }
    }
}
