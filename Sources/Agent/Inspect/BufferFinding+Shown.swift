import JSON
import Platform
import WriteAheadBuffer

extension BufferFinding {
    var json: JSONValue {
        .object([
            "what": .string(what.rawValue), "isDamage": .bool(what.isDamage), "file": .string(file),
            "offset": .integer(offset), "bytes": .integer(bytes), "samples": .integer(samples),
            "job": job.map { .string($0) }, "reason": reason.map { .string($0) },
        ])
    }

    /// The finding as one line of text. `isHeld`: an agent has the directory locked, so an end that is not
    /// whole is one that it is writing.
    func line(isHeld: Bool) -> String {
        VisibleText.shown("\(file) offset \(offset): \(sentence(isHeld: isHeld))") + "\n"
    }

    private func sentence(isHeld: Bool) -> String {
        let lost = job.map { "\(samples) samples of job \($0)" } ?? "some samples"
        switch what {
        case .header: return "neither copy of the header can be read, and so nothing of \(bytes) bytes"
        case .headerCopy: return "one copy of the header is damaged, and the other is read"
        case .record: return "\(bytes) bytes are no record"
        case .checksum: return "a record of \(bytes) bytes is damaged"
        case .content: return "a record of \(bytes) bytes says what no agent writes"
        case .base: return "a frame of \(bytes) bytes needs what is damaged: \(lost) cannot be read"
        case .missing: return "\(lost) are missing before this place"
        case .cut: return "the file ends here, \(bytes) bytes too early"
        case .absent: return "\(lost), held by a segment behind this one, are not on the disk"
        case .unreadable: return "it cannot be read: \(reason ?? "")"
        case .unfinished:
            guard isHeld else { return "a write was not finished: a start leaves out \(bytes) bytes" }
            return "\(bytes) bytes are being written"
        }
    }
}
