import Cryptography
internal import Platform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

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
        /// When it was read, by the wall clock.
        var readMs: Int64 = 0
        /// Why a file at the standard place cannot be read: it counts as absent.
        var refusal: String?
    }

    private struct State {
        var lookedAtNs: UInt64?
        var content: [String: Content] = [:]
        var pool: WorkerPool?
    }

    /// A credentials file is a few hundred bytes.
    private static let limitBytes = 1 << 20
    private static let lookIntervalNs: UInt64 = 1_000_000_000
    /// A file written this short a time before it was read may have been written again within the same tick
    /// of its file system's clock.
    private static let racyMs: Int64 = 2_000

    /// Nil when neither a variable nor HOME says where it is.
    let credentialsPath: String?
    let configPath: String?
    /// Paths that a variable names: that one cannot be read is then a fault.
    private let named: Set<String>
    private let files: any FileDoor
    private let clock: any AgentClock
    private let state = Mutex(State())

    init(environment: [String: String], files: any FileDoor, clock: any AgentClock) {
        credentialsPath = Self.path("AWS_SHARED_CREDENTIALS_FILE", "credentials", environment)
        configPath = Self.path("AWS_CONFIG_FILE", "config", environment)
        named = Set(
            [("AWS_SHARED_CREDENTIALS_FILE", credentialsPath), ("AWS_CONFIG_FILE", configPath)]
                .compactMap { name, path in environment[name]?.isEmpty == false ? path : nil })
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

    /// The settings of one `[services NAME]` section of the config file, as they stand; empty without it.
    func services(_ name: String) async throws(AWSError) -> [String: String] {
        try await refresh()
        return state.withLock { state in
            guard let path = configPath, let sections = state.content[path]?.sections else { return [:] }
            return sections.first { Self.isSection($0.key, "services", name) }?.value ?? [:]
        }
    }

    /// Whether there is anything to read: a look at the disk and no more.
    var isAnyThere: Bool {
        [configPath, credentialsPath].compactMap { $0 }.contains { path in
            (try? files.status(path)) != nil
        }
    }

    /// Where profiles are looked for, with what hinders; for messages.
    var places: String {
        let paths = [credentialsPath, configPath].compactMap { $0 }
        guard !paths.isEmpty else { return "" }
        let refusals = state.withLock { state in
            paths.compactMap { path in state.content[path]?.refusal.map { "\(path): \($0)" } }
        }
        let list = paths.joined(separator: " or ")
        return refusals.isEmpty ? list : "\(list) (\(refusals.joined(separator: "; ")))"
    }

    /// The next look is not put off: what was read last was refused by a service.
    func lookAgain() { state.withLock { $0.lookedAtNs = nil } }

    private func refresh() async throws(AWSError) {
        let nowNs = clock.monotonicNs
        guard let pool = try poolForLook(nowNs) else { return }
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

    /// The thread to look on; nil when it is too soon to look again. Made with the first look.
    private func poolForLook(_ nowNs: UInt64) throws(AWSError) -> WorkerPool? {
        do throws(ThreadError) {
            return try state.withLock { state throws(ThreadError) -> WorkerPool? in
                if let last = state.lookedAtNs, nowNs < last + Self.lookIntervalNs { return nil }
                if state.pool == nil {
                    state.pool = try WorkerPool(whileRunning: "aws-files", threads: 1)
                }
                return state.pool
            }
        } catch {
            throw AWSError(.noCredentials, message: "\(error)", operation: "read the AWS files")
        }
    }

    private func read(_ path: String) throws(AWSError) {
        do throws(FileError) {
            guard let before = try files.status(path), !before.isDirectory else {
                state.withLock { $0.content[path] = nil }
                return
            }
            let nowMs = clock.wallMs
            let isKnown = state.withLock { state in
                guard let known = state.content[path], known.status == before else { return false }
                return known.readMs - before.modifiedNs / 1_000_000 > Self.racyMs
            }
            if isKnown { return }
            var bytes = try files.contents(of: path, limitBytes: Self.limitBytes)
            defer { Wipe.bytes(&bytes) }
            let parsed: INIFile
            do throws(INIFile.Fault) {
                parsed = try INIFile(bytes)
            } catch {
                throw FileError(
                    operation: "parse", path: "\(path):\(error.line)", errno: 0, message: error.message)
            }
            // A file that changed while it was read is read again at the next look.
            let after = try files.status(path)
            let content = Content(
                status: before == after ? before : nil, sections: parsed.sections, readMs: nowMs)
            state.withLock { $0.content[path] = content }
        } catch {
            // The home of another user, as in a container that does not run as root.
            if error.errno == EACCES, !named.contains(path) {
                state.withLock { $0.content[path] = Content(refusal: error.message) }
                return
            }
            throw AWSError(
                .noCredentials, message: error.message, operation: "\(error.operation) \(error.path)")
        }
    }

    /// `[default]`, `[profile x]`, `[profile "x y"]`; `[profile default]` is read too.
    private static func isProfile(_ section: String, _ name: String) -> Bool {
        section == name ? name == "default" : isSection(section, "profile", name)
    }

    /// `[kind name]`, the name in quotes or not.
    private static func isSection(_ section: String, _ kind: String, _ name: String) -> Bool {
        let words = section.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, words[0] == kind else { return false }
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
