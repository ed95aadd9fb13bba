import JSON

/// What `narthex doctor` found.
public struct DoctorReport: Sendable, Equatable {
    let lines: [DoctorLine]
    /// Whether the configuration can be used at all.
    let isConfigured: Bool

    /// How the command ends; nil where all is well.
    public var failure: AgentError.Code? {
        if !isConfigured { return .configuration }
        return lines.contains { $0.verdict == .wrong } ? .refused : nil
    }

    /// A line each, and one that counts them; ends with a newline.
    public var text: String {
        let counts = [DoctorLine.Verdict.ok, .wrong, .skipped, .noted].compactMap { verdict -> String? in
            let count = lines.count { $0.verdict == verdict }
            return count == 0 ? nil : "\(count) \(verdict.rawValue)"
        }
        return lines.map { $0.text + "\n" }.joined() + counts.joined(separator: ", ") + "\n"
    }

    /// For programs: an object with the lines, one on a line of text.
    public var json: String {
        JSONValue.object([
            "ok": .bool(failure == nil), "version": .string(AgentVersion.current),
            "lines": .array(lines.map(\.json)),
        ]).text(.lines(depth: 2)) + "\n"
    }
}
