import TestSupport

@testable import WriteAheadBuffer

/// What a buffer looks like, for whoever repeats a finding.
enum Sight {
    static func text(_ buffer: WriteAheadBuffer, _ destinations: [BufferDestination]) -> String {
        var parts: [String] = []
        for segment in buffer.core.catalog.all {
            let before = segment.before.mapValues(\.appended)
            parts.append("segment \(segment.number) of \(segment.length) behind \(before)")
        }
        let ledger = buffer.ledger()
        parts.append("in all \(ledger.jobs)")
        for destination in destinations.sorted(by: { $0.name < $1.name }) {
            let cursor = destination.cursor
            let ranges = cursor.answered.ranges.map { "\($0.lowerBound)-\($0.upperBound)" }
            let sent = cursor.sent.keys.sorted()
            parts.append("\(destination.name) at \(cursor.mark), answered \(ranges), in flight \(sent)")
            for (job, own) in (ledger.destinations[destination.name] ?? [:]).sorted(by: { $0.key < $1.key }) {
                parts.append(
                    "\(job): \(own.delivered) delivered, \(own.dropped) dropped, \(own.buffered) buffered, "
                        + "\(own.earlier) earlier")
            }
        }
        return parts.joined(separator: "; ")
    }

    /// The files of an image with their lengths.
    static func text(_ image: DiskImage) -> String {
        let files = image.names.sorted(by: { $0.key < $1.key }).map { path, inode in
            "\(path.split(separator: "/").last ?? "") of \(image.files[inode]?.bytes.count ?? 0)"
        }
        return files.joined(separator: "; ")
    }
}
