internal import MetricModel

/// Says whether all names of a frame have legacy characters only, and remembers it for each chunk and target.
/// Nearly all frames are so: where names are escaped, such a frame costs one look-up for each of its chunks.
struct LegacyFrames {
    /// What was found of objects, for as long as they are there.
    private struct Known<Object: AnyObject & Sendable> {
        private struct Entry {
            weak var object: Object?
            let isLegacy: Bool
        }

        /// The entry of each object, by the object's identity. A new object may get the identity of one that
        /// was freed, so each entry also holds a weak reference to its object.
        private var entries: [ObjectIdentifier: Entry] = [:]
        private var additions = 0

        mutating func isLegacy(_ object: Object, _ find: (Object) -> Bool) -> Bool {
            let key = ObjectIdentifier(object)
            if let known = entries[key], known.object === object { return known.isLegacy }
            let isLegacy = find(object)
            entries[key] = Entry(object: object, isLegacy: isLegacy)
            additions += 1
            // Entries of what is gone go once they may be half of all.
            if additions > max(1_024, entries.count / 2) {
                additions = 0
                entries = entries.filter { $0.value.object != nil }
            }
            return isLegacy
        }

        mutating func dropGone() {
            additions = 0
            entries = entries.filter { $0.value.object != nil }
        }
    }

    private var targets = Known<Target>()
    private var chunks = Known<LayoutChunk>()

    /// Lets go of what is known of objects that are gone.
    mutating func letGoOfThePast() {
        targets.dropGone()
        chunks.dropGone()
    }

    /// Whether the frame has legacy names only, those of series that left included.
    mutating func contains(_ frame: Frame) -> Bool {
        guard targets.isLegacy(frame.target, Self.isLegacy) else { return false }
        for chunk in frame.layout.chunks {
            guard chunks.isLegacy(chunk, NameEscaper.isLegacy) else { return false }
        }
        for departed in frame.departed {
            guard chunks.isLegacy(departed.chunk, NameEscaper.isLegacy) else { return false }
        }
        return true
    }

    private static func isLegacy(_ target: Target) -> Bool {
        target.labels.labels.allSatisfy { NameEscaper.isLegacy($0.name.utf8, isMetric: false) }
    }
}
