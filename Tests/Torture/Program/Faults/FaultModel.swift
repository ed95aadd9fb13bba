/// What a run knows of the frames that it has appended, and of what became of them.
struct FaultModel {
    struct Destination {
        /// Its own are the frames from this number on.
        let first: Int
        /// Frames whose answers the buffer has booked.
        var booked: Set<Int> = []
        /// Frames that were sent and answered for, whether that could be booked or not.
        var answered: Set<Int> = []
    }

    /// Numbers of frames whose append returned, ascending.
    private(set) var appended: [Int] = []
    /// Numbers of frames that the buffer has refused.
    private(set) var failed: [Int] = []
    /// By name.
    var destinations: [String: Destination] = [:]

    var next: Int { appended.count + failed.count }
    var names: [String] { destinations.keys.sorted() }

    /// Notes what an append of the next frame said.
    mutating func note(isAppended: Bool) {
        if isAppended { appended.append(next) } else { failed.append(next) }
    }

    /// Takes frames out, as if they had never been appended.
    mutating func forget(_ numbers: Set<Int>) {
        if !numbers.isEmpty { appended.removeAll { numbers.contains($0) } }
    }

    /// Frames of a destination whose answers are not booked, in their order.
    func owed(_ name: String) -> [Int] {
        guard let own = destinations[name] else { return [] }
        return appended.filter { $0 >= own.first && !own.booked.contains($0) }
    }

    /// Samples of frames, by job.
    static func samples(_ numbers: some Sequence<Int>) -> [String: UInt64] {
        numbers.reduce(into: [:]) { $0[FaultFrames.job($1), default: 0] += FaultFrames.sampleCount($1) }
    }
}
