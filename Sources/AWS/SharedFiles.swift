internal import Platform
import Synchronization

/// The shared credentials and config files. Read again when their time, inode or length changes, looked at no
/// more than once a second, on a thread of their own. Thread-safe.
final class SharedFiles: Sendable {
    /// One profile of both files together; the credentials file's keys win, as in botocore.
    struct Profile: Sendable, Equatable {
        var settings: [String: String] = [:]
        /// The files that have it, for messages.
        var files: [String] = []
    }

    private struct Content {
        var status: FileStatus?
        var sections: [String: [String: String]] = [:]
    }

    private struct State {
        var lookedAtNs: UInt64?
        var content: [String: Content] = [:]
        var pool: WorkerPool?
    }

    /// A credentials file is a few hundred bytes.
    private static let limitBytes = 1 << 20
    private static let lookIntervalNs: UInt64 = 1_000_000_000

    /// Nil when neither a variable nor HOME says where it is.
    let credentialsPath: String?
    let configPath: String?
    private let files: any FileDoor
    private let clock: any AgentClock
    private let state = Mutex(State())

    init(environment: [String: String], files: any FileDoor, clock: any AgentClock) {
        credentialsPath = Self.path("AWS_SHARED_CREDENTIALS_FILE", "credentials", environment)
        configPath = Self.path("AWS_CONFIG_FILE", "config", environment)
        self.files = files
        self.clock = clock
    }

    /// The profile, or nil when neither file has it. Throws when a file cannot be read or is no INI file.
    func profile(_ name: String) async throws(AWSError) -> Profile? {
        try await refresh()
        return state.withLock { state in
            var profile = Profile()
            if let path = configPath {
                let wanted = state.content[path]?.sections.first { Self.isProfile($0.key, name) }
                if let wanted {
                    profile.settings = wanted.value
                    profile.files.append(path)
                }
            }
            if let path = credentialsPath, let section = state.content[path]?.sections[name] {
                profile.settings.merge(section) { _, credentials in credentials }
                profile.files.append(path)
            }
            return profile.files.isEmpty ? nil : profile
        }
    }

    /// The next look is not put off: what was read last was refused by a service.
    func lookAgain() { state.withLock { $0.lookedAtNs = nil } }

    private func refresh() async throws(AWSError) {
        let nowNs = clock.monotonicNs
        let pool: WorkerPool? = state.withLock { state in
            if let last = state.lookedAtNs, nowNs < last + Self.lookIntervalNs { return nil }
            if state.pool == nil { state.pool = WorkerPool(name: "aws-files", threads: 1) }
            return state.pool
        }
        guard let pool else { return }
        let outcome: Result<Void, AWSError> = await pool.run { [self] in
            do throws(AWSError) {
                for path in [configPath, credentialsPath].compactMap({ $0 }) { try read(path) }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
        state.withLock { $0.lookedAtNs = nowNs }
    }

    private func read(_ path: String) throws(AWSError) {
        do throws(FileError) {
            let status = try files.status(path)
            guard let status else {
                state.withLock { $0.content[path] = nil }
                return
            }
            if let known = state.withLock({ $0.content[path]?.status }), known == status { return }
            var bytes = try files.contents(of: path, limitBytes: Self.limitBytes)
            defer { Wipe.bytes(&bytes) }
            let parsed: INIFile
            do throws(INIFile.Fault) {
                parsed = try INIFile(bytes)
            } catch {
                throw FileError(
                    operation: "parse", path: "\(path):\(error.line)", errno: 0, message: error.message)
            }
            state.withLock { $0.content[path] = Content(status: status, sections: parsed.sections) }
        } catch {
            throw AWSError(
                .noCredentials, message: error.message, operation: "\(error.operation) \(error.path)")
        }
    }

    /// `[default]`, `[profile x]`, `[profile "x y"]`; `[profile default]` is read too.
    private static func isProfile(_ section: String, _ name: String) -> Bool {
        if section == name { return name == "default" }
        let words = section.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, words[0] == "profile" else { return false }
        var rest = words[1].drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        for quote in ["\"", "'"] where rest.count >= 2 && rest.hasPrefix(quote) && rest.hasSuffix(quote) {
            rest = rest.dropFirst().dropLast()
        }
        return rest == name
    }

    private static func path(_ variable: String, _ file: String, _ environment: [String: String]) -> String? {
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
        if let path = environment[variable], !path.isEmpty {
            guard path.hasPrefix("~/") else { return path }
            return home.map { $0 + path.dropFirst(1) }
        }
        return home.map { "\($0)/.aws/\(file)" }
    }
}
