import Addresses
import Platform

/// Commands that show more of what a line tells, to be pasted into a shell.
struct DoctorCommands: Sendable, Equatable {
    /// Where the configuration is.
    enum Place: Sendable, Equatable {
        /// As `--config.file` takes it; nil where it may not be shown.
        case file(String?)
        /// Made from this URL, or from that of the environment.
        case generated(String?)
    }

    let place: Place
    /// `--config.expand-env` is given.
    var expandsEnvironment = false

    /// Where a configuration that is made is written to be looked at: in the working directory, since in one
    /// that all may write to somebody may have put a link of this name.
    private static let made = "narthex-made.yml"

    var check: String { "narthex check-config\(expansion) \(file)" }

    func discover(job: String, all: Bool = false) -> String {
        "\(prelude)narthex discover --config.file=\(file)\(expansion) --job=\(Self.quoted(job))"
            + "\(all ? " --all" : "")"
    }

    /// A URL with a query is not shown, as that may be a secret: the status page and `narthex discover` have
    /// it.
    func scrape(_ url: String, job: String) -> String {
        let shown = HTTPURL.shown(url)
        return "\(prelude)narthex scrape \(shown == url ? Self.quoted(url) : "URL") "
            + "--config.file=\(file)\(expansion) --job=\(Self.quoted(job))"
    }

    private var file: String {
        switch place {
        case .file(let file): file.map(Self.quoted) ?? "FILE"
        case .generated: Self.made
        }
    }

    /// What is made is expanded already.
    private var expansion: String {
        guard expandsEnvironment, case .file = place else { return "" }
        return " --config.expand-env"
    }

    private var prelude: String {
        guard case .generated(let url) = place else { return "" }
        let isShown = url.map { HTTPURL.shown($0) == $0 } ?? false
        let flag = "--remote-write.url=\(isShown ? Self.quoted(url ?? "") : "URL")"
        return "narthex run \(flag) --config.print >\(Self.made) && "
    }

    /// One word to a shell.
    static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x3A).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "%+,-./=@_".utf8.contains(byte)
        }
        if isPlain, !text.isEmpty { return text }
        return "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
}
