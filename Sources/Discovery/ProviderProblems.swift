import Synchronization

/// What stands in the way of one provider now, a sentence for each thing that it looks at: a file, a URL, a
/// name. Any thread.
final class ProviderProblems: Sendable {
    private let all = Mutex<[String: String]>([:])

    /// In the order of the things' names.
    var sentences: [String] { all.withLock { all in all.sorted { $0.key < $1.key }.map(\.value) } }

    /// Replaces what is known of `subject`; nil when nothing is wrong with it.
    func set(_ subject: String, _ sentence: String?) { all.withLock { $0[subject] = sentence } }

    /// Replaces everything: sentences by what they are about.
    func replace(with sentences: [String: String]) { all.withLock { $0 = sentences } }

    /// `message`, led by the name of its subject unless it says that itself.
    static func sentence(_ subject: String, _ message: String) -> String {
        message.contains(subject) ? message : "\(subject): \(message)"
    }
}
