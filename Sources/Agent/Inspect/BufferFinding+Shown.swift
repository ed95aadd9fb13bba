import JSON
import Platform
import WriteAheadBuffer

extension BufferFinding {
    var json: JSONValue {
        .object([
            "what": .string(what.rawValue), "isDamage": .bool(what.isDamage), "file": .string(file),
            "offset": .integer(offset), "bytes": .integer(bytes),
            "samples": samples.map { .integer($0) }, "job": job.map { .string($0) },
            "reason": reason.map { .string($0) },
        ])
    }

    /// The finding as one line of text. `isHeld`: an agent has the directory locked, so an end that is not
    /// whole is one that it is writing.
    func line(isHeld: Bool) -> String {
        VisibleText.shown("\(file) offset \(offset): \(sentence(isHeld: isHeld))") + "\n"
    }

    private func sentence(isHeld: Bool) -> String {
        let known = samples.flatMap { samples in job.map { "\(samples.counted("sample")) of job \($0)" } }
        let lost = known ?? "some samples"
        let size = bytes.counted("byte")
        let sizeIs = size + (bytes == 1 ? " is" : " are")
        switch what {
        case .header: return "neither copy of the header can be read, so its \(size) cannot be read"
        case .headerCopy: return "one copy of the header is damaged, and the other is read"
        case .record: return "\(sizeIs) no record"
        case .checksum: return "a record of \(size) is damaged"
        case .content: return "a record of \(size) says what no agent writes"
        case .base: return "a frame of \(size) needs what is damaged: \(lost) cannot be read"
        case .missing: return "\(lost) \(samples == 1 ? "is" : "are") missing before this place"
        case .cut: return "the file ends here, \(size) too early"
        case .absent: return "\(lost) stood in a segment after this one that is not in the directory"
        case .unreadable: return "it cannot be read: \(reason ?? "")"
        case .unfinished:
            guard isHeld else { return "a write was not finished: a start leaves out \(size)" }
            return "\(sizeIs) being written"
        }
    }
}
