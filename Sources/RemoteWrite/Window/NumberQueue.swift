/// Numbers in the order in which they were added. Most queues hold one, which takes no allocation.
struct NumberQueue: Sendable {
    private(set) var first: Int?
    private var rest: [Int] = []
    /// Of `rest`, gone already.
    private var gone = 0

    mutating func append(_ number: Int) {
        if first == nil { first = number } else { rest.append(number) }
    }

    mutating func removeFirst() {
        guard gone < rest.count else {
            first = nil
            return
        }
        first = rest[gone]
        gone += 1
        if gone == rest.count {
            rest = []
            gone = 0
        } else if gone >= 64, gone * 2 >= rest.count {
            rest.removeFirst(gone)
            gone = 0
        }
    }
}
