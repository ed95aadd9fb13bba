import WriteAheadBuffer

/// In which format the files of a buffer are that is there already.
struct FormatFacts: Sendable, Equatable {
    /// nil where they cannot be read.
    var headers: BufferHeaders?
    /// Why not.
    var failure: String?

    /// Names in a line; of the others it says how many they are.
    private static let mostNames = 3

    /// Nothing where no buffer is there yet.
    var lines: [DoctorLine] {
        if let failure {
            return [
                .wrong(
                    StorageFacts.check, of: "format", failure,
                    remedy: "let the user that runs the agent read what is there, or name another directory "
                        + "by --storage.agent.path")
            ]
        }
        guard let headers else { return [] }
        return [read(headers), older(headers), refused(headers), damaged(headers)].compactMap { $0 }
            + noted(headers)
    }

    private func read(_ headers: BufferHeaders) -> DoctorLine? {
        guard !headers.counts.isEmpty else { return nil }
        let parts = headers.counts.sorted { $0.key > $1.key }.map {
            "\(Self.files($0.value)) of format version \($0.key)"
        }
        return .ok(
            StorageFacts.check, of: "format",
            "\(parts.joined(separator: ", ")): this version of Narthex reads that, and writes version "
                + "\(BufferHeaders.writtenVersion)")
    }

    private func older(_ headers: BufferHeaders) -> DoctorLine? {
        let written = BufferHeaders.writtenVersion
        guard headers.counts.keys.contains(where: { $0 < written }) else { return nil }
        return .noted(
            StorageFacts.check, of: "format",
            "a start of this version of Narthex makes every cursor anew in version \(written): an older one "
                + "then refuses the directory. Going back is told in docs/versions.md")
    }

    private func refused(_ headers: BufferHeaders) -> DoctorLine? {
        guard let first = headers.refused.first else { return nil }
        let more = headers.refused.count - 1
        let others = more > 0 ? ", and \(Self.files(more)) more cannot be read, either" : ""
        return .wrong(
            StorageFacts.check, of: "format", "\(first)\(others): an agent does not start there",
            remedy: "give this version another directory by --storage.agent.path: what is buffered stays "
                + "where it is until the version that wrote it runs on it again, or let that one deliver "
                + "everything first (docs/versions.md)")
    }

    private func damaged(_ headers: BufferHeaders) -> DoctorLine? {
        guard !headers.damaged.isEmpty else { return nil }
        return .wrong(
            StorageFacts.check, of: "format",
            "\(Self.files(headers.damaged.count)) without a readable header: \(Self.names(headers.damaged))",
            remedy: "look at the disk, and move such a file away when it is not needed: a start leaves a "
                + "segment alone and books what it held as damaged, and for a cursor sends all that is kept "
                + "again")
    }

    private func noted(_ headers: BufferHeaders) -> [DoctorLine] {
        var sentences: [String] = []
        if !headers.halfDamaged.isEmpty {
            sentences.append(
                "one of the two copies of the header is damaged, and the other is read: "
                    + Self.names(headers.halfDamaged))
        }
        if headers.passedOver > 0 { sentences.append("\(Self.files(headers.passedOver)) more not looked at") }
        return sentences.map { .noted(StorageFacts.check, of: "format", $0) }
    }

    private static func files(_ count: Int) -> String { "\(count) file\(count == 1 ? "" : "s")" }

    private static func names(_ names: [String]) -> String {
        let more = names.count - mostNames
        return names.prefix(mostNames).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
