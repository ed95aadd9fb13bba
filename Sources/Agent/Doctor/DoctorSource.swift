import AWS
import Configuration
import Logging
import Platform
import StatusServer
import Synchronization

/// The configuration that `narthex doctor` looks at: where it is, and what is in it.
struct DoctorSource: Sendable {
    /// A configuration that could be used.
    struct Reading: Sendable {
        let configuration: Configuration
        /// Files that come with it and that the agent writes when it takes it into use.
        let companions: [ReadConfiguration.Companion]
        /// Sentences about the configuration that the user should know and that keep nothing from working.
        let remarks: [String]
    }

    /// The composer's job that a reading came upon, kept also where the reading fails or hangs later.
    private final class Job: Sendable {
        let found = Mutex<ComposerJob?>(nil)
    }

    let options: DoctorOptions
    let clock: any AgentClock
    let files: any FileDoor
    private let job = Job()

    private static let remarksShown = 10

    init(options: DoctorOptions, clock: any AgentClock, files: any FileDoor) {
        self.options = options
        self.clock = clock
        self.files = files
    }

    /// Reads it once, and checks it as a start does.
    func read() async -> Result<Reading, AgentError> {
        do throws(AgentError) {
            if let fault = options.placeFault { throw AgentError(.configuration, fault) }
            let source: ConfigurationSource.Source
            var remarks: [String] = []
            if options.agent.remoteWriteURL != nil {
                source = try await ConfigurationSource.generated(
                    options.agent, clock: clock, files: files, patience: options.patience)
            } else {
                let found = try await found()
                remarks = found.warnings
                source = ConfigurationSource.Source(found)
            }
            let configuration = try ConfigurationSource.checked(source, options: options.agent, files: files)
            try ownAddresses.refuse(configuration.remoteWrites, environment: options.agent.environment)
            remarks += configuration.warnings.map(\.description)
            remarks += configuration.ignored.map(\.description)
            return .success(
                Reading(
                    configuration: configuration, companions: source.companions, remarks: remarks))
        } catch {
            return .failure(error)
        }
    }

    private func found() async throws(AgentError) -> ReadConfiguration {
        var reader = reader
        let start = await StartAccess(
            options.agent, clock: clock, files: files, patience: options.patience)
        defer { start.shutDown() }
        reader.ways = start.ways
        reader.onJob = { [job] found in job.found.withLock { $0 = found } }
        // The watch's way of reading asks a source once, where a start's way asks again and again: a failure
        // is to be reported at once. No source has the version without parts, so every version is taken.
        guard let found = try await reader.read(unless: ConfigurationVersion(parts: [])) else {
            throw AgentError(.configuration, "\(reader.name): the source says that nothing has changed")
        }
        return found
    }

    private var reader: ConfigurationReader {
        ConfigurationReader(options.agent, clock: clock, files: files, logger: Logger(label: "doctor"))
    }

    /// What lines call it.
    var name: String { isGenerated ? ConfigurationSource.generatedName : reader.name }

    private var isGenerated: Bool { options.agent.remoteWriteURL != nil }

    /// Nil for a text that is no location, which reading says.
    private var location: ConfigurationLocation? { try? ConfigurationLocation(options.agent.configFile) }

    /// Where the agent is to listen. An address that is none refuses the command line.
    var ownAddresses: OwnAddresses {
        OwnAddresses(options.agent.listenAddresses.compactMap { try? ListenAddress.parse($0) })
    }

    /// The commands that show more of it.
    var commands: DoctorCommands {
        guard !isGenerated else { return DoctorCommands(place: .generated(options.agent.remoteWriteURL)) }
        // With a query, which may be a secret, the location is not shown, and half of it is of no use.
        let isShown = location?.shown == options.agent.configFile
        return DoctorCommands(
            place: .file(isShown ? options.agent.configFile : nil),
            expandsEnvironment: options.agent.expandsEnvironment)
    }

    // MARK: - Who reads it

    /// Who asks a service of AWS for it, or for files that a job of ECS Files Composer names. What `read` has
    /// found until now says the latter: nothing is fetched here.
    func readers() -> [DocumentRole] {
        guard !isGenerated, options.placeFault == nil else { return [] }
        switch location {
        case .object, .parameter, .secret:
            let own = ConfigurationFetcher.ownRole(options.agent.environment)
            return [own] + jobReaders().filter { $0 != own }
        case .path, .variable, .web: return jobReaders()
        case nil: return []
        }
    }

    /// Those that a composer's job names, as far as it was fetched.
    private func jobReaders() -> [DocumentRole] {
        guard let job = self.job.found.withLock({ $0 }) else { return [] }
        var roles: [DocumentRole] = []
        for file in job.files where file.content == nil {
            guard let source = file.source, !source.isWeb else { continue }
            let role = DocumentRole(
                arn: source.roleARN, externalID: source.externalID, region: source.region)
            if !roles.contains(role) { roles.append(role) }
        }
        return roles
    }

    // MARK: - Lines

    /// One for each remark.
    static func lines(_ check: String, of subject: String = "", _ remarks: [String]) -> [DoctorLine] {
        let shown = remarks.prefix(remarksShown).map { DoctorLine.noted(check, of: subject, $0) }
        guard remarks.count > shown.count else { return shown }
        return shown + [.noted(check, of: subject, "and \(remarks.count - shown.count) remarks more")]
    }

    func line(_ error: AgentError) -> DoctorLine {
        .wrong("configuration", error.message.replacing("\n", with: "; "), remedy: remedy(error))
    }

    private func remedy(_ error: AgentError) -> String {
        if isGenerated {
            return "set the variables that it names, or write a file and name it by --config.file"
        }
        if error.message.contains("the role needs") {
            return "allow that in the policy of the credentials that read it"
        }
        guard error.isOfReading else {
            switch location {
            case .path, .variable:
                return "mend that; \(commands.check) looks at it again without asking anybody"
            default: return "mend that in \(name)"
            }
        }
        return switch location {
        case .path: "name the file by --config.file, and let this user read it"
        case .variable: "set that variable, or name another place by --config.file"
        case .object: reach("S3", "s3", error, "the bucket's name, its region and the key")
        case .parameter: reach("Systems Manager", "ssm", error, "the parameter's name and region")
        case .secret: reach("Secrets Manager", "secretsmanager", error, "the secret's name and region")
        case .web: "look at the URL and at who may read it, and let this machine reach that server"
        case nil: "name a path, s3://bucket/key, ssm:/parameter, secretsmanager:id, env:NAME or https://…"
        }
    }

    private func reach(_ service: String, _ endpoint: String, _ error: AgentError, _ place: String) -> String
    {
        error.mayPass
            ? "let this machine reach \(service): a NAT, a proxy, or a VPC endpoint for \(endpoint)"
            : "look at \(place), and at the lines of the credentials"
    }
}
