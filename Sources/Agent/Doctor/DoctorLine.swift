import JSON
import Platform

/// One thing that `narthex doctor` looked at, and what it found. No secret is in it.
public struct DoctorLine: Sendable, Equatable {
    public enum Verdict: String, Sendable {
        case ok
        case wrong
        /// It could not be looked at, for a reason that another line tells, or that hinders nothing.
        case skipped
        /// It deserves to be known and hinders nothing.
        case noted
    }

    /// What was looked at, for instance `write`; docs/doctor.md lists them.
    let check: String
    /// Of which there may be several: a destination, a job, a cluster. Empty where there is one only.
    let subject: String
    let verdict: Verdict
    /// What is so.
    let message: String
    /// What to do; nil where nothing is.
    let remedy: String?

    private init(_ check: String, _ subject: String, _ verdict: Verdict, _ message: String, _ remedy: String?)
    {
        self.check = check
        self.subject = VisibleText.shown(subject)
        self.verdict = verdict
        self.message = VisibleText.shown(message)
        self.remedy = remedy.map { VisibleText.shown($0) }
    }

    static func ok(_ check: String, of subject: String = "", _ message: String) -> DoctorLine {
        DoctorLine(check, subject, .ok, message, nil)
    }

    /// `remedy` says what to do, beginning with a verb.
    static func wrong(
        _ check: String, of subject: String = "", _ message: String, remedy: String
    ) -> DoctorLine {
        DoctorLine(check, subject, .wrong, message, remedy)
    }

    static func skipped(_ check: String, of subject: String = "", _ message: String) -> DoctorLine {
        DoctorLine(check, subject, .skipped, message, nil)
    }

    static func noted(_ check: String, of subject: String = "", _ message: String) -> DoctorLine {
        DoctorLine(check, subject, .noted, message, nil)
    }

    /// For people: `wrong    write amp: status 403: …; allow aps:RemoteWrite …`.
    var text: String {
        let name = subject.isEmpty ? check : "\(check) \(subject)"
        let padding = String(repeating: " ", count: max(0, 9 - verdict.rawValue.count))
        return "\(verdict.rawValue)\(padding)\(name): \(message)\(remedy.map { "; \($0)" } ?? "")"
    }

    var json: JSONValue {
        .object([
            "check": .string(check), "subject": subject.isEmpty ? nil : .string(subject),
            "verdict": .string(verdict.rawValue), "message": .string(message),
            "remedy": remedy.map { .string($0) },
        ])
    }
}
