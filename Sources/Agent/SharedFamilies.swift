import MetricModel
import Synchronization

/// What the targets of all jobs say about their metric families, for the senders, which are made before the
/// jobs and outlive them.
final class SharedFamilies: Sendable {
    private let source = Mutex<(@Sendable () -> [[MetricMetadata]])?>(nil)

    /// Sets the function that is asked for the families, a list for each job. Called once there are jobs.
    func set(_ source: @escaping @Sendable () -> [[MetricMetadata]]) {
        self.source.withLock { $0 = source }
    }

    /// Each family once, as the last job that has it describes it; none before there are jobs.
    var all: [MetricMetadata] {
        let lists = source.withLock { $0 }?() ?? []
        guard lists.count > 1 else { return lists.first ?? [] }
        var result: [MetricMetadata] = []
        var places: [String: Int] = [:]
        for family in lists.joined() {
            if let place = places[family.family] {
                result[place] = family
            } else {
                places[family.family] = result.count
                result.append(family)
            }
        }
        return result
    }
}
