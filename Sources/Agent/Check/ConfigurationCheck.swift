import Configuration
import Discovery
import Logging
public import Platform
import Relabel
import StatusServer

/// What `narthex check-config` finds out about one file: nothing is asked that is not on this machine.
public struct ConfigurationCheck: Sendable {
    /// How a file is looked at, as the flags of `narthex run` say.
    public struct Request: Sendable {
        public var environment: [String: String]
        public var enabledFeatures: [String] = []
        /// `--config.strict`
        public var refusesIgnored = false
        /// `--config.expand-env`
        public var expandsEnvironment = false

        public init(environment: [String: String]) { self.environment = environment }
    }

    /// A line each, with its place; whoever has one of these cannot run the file.
    public private(set) var errors: [String] = []
    /// A line each: what works and deserves a look.
    public private(set) var warnings: [String] = []
    /// A line each: settings without effect that nobody misses.
    public private(set) var notes: [String] = []
    /// A line for each job: what would be scraped.
    public private(set) var jobs: [String] = []
    /// As it was given.
    public let file: String

    private init(file: String) { self.file = file }

    /// Checks one file.
    public static func run(
        _ file: String, _ request: Request, files: any FileDoor = POSIXFiles()
    ) async -> ConfigurationCheck {
        var check = ConfigurationCheck(file: file)
        var options = AgentOptions(configFile: file)
        options.environment = request.environment
        options.enabledFeatures = request.enabledFeatures
        options.refusesIgnored = request.refusesIgnored
        options.expandsEnvironment = request.expandsEnvironment
        var reader = ConfigurationReader(
            options, clock: SystemClock(), files: files, logger: Logger(label: "check"))
        reader.asksServices = false
        do throws(AgentError) {
            let found: ReadConfiguration
            switch try await reader.readHere() {
            case .success(let read): found = read
            case .failure(let fault):
                check.warnings.append(
                    "\(fault.message); check-config it where it lies, or run narthex with --config.print")
                return check
            }
            check.warnings += found.warnings
            let configuration = try ConfigurationSource.checked(
                ConfigurationSource.Source(found), options: options, files: files)
            check.take(
                configuration, found.companions, environment: request.environment, files: files)
        } catch {
            check.errors = error.message.split(separator: "\n").map(String.init)
        }
        return check
    }

    /// The JSON schema of configuration files (draft-07), for editors.
    public static var schema: String { ConfigurationSchema.text }

    /// The lines to show, errors first.
    public var lines: [String] {
        let verdict =
            errors.isEmpty
            ? "\(file): valid\(warnings.isEmpty ? "" : ", \(Self.count(warnings.count, "warning"))")"
            : "\(file): not valid, \(Self.count(errors.count, "error"))"
        return errors.map { "error: \($0)" } + warnings.map { "warning: \($0)" } + notes.map { "note: \($0)" }
            + [VisibleText.shown(verdict)] + jobs.map { "  \($0)" }
    }

    private mutating func take(
        _ configuration: Configuration, _ companions: [ReadConfiguration.Companion],
        environment: [String: String], files: any FileDoor
    ) {
        warnings += configuration.warnings.map(\.description)
        warnings += configuration.ignored.filter { $0.severity == .missed }.map(\.description)
        warnings += configuration.lints.map(\.description)
        warnings += OwnAddresses([.standard]).warnings(
            configuration.remoteWrites, environment: environment)
        notes = configuration.ignored.filter { $0.severity == .harmless }.map(\.description)
        for job in configuration.scrapeConfigs {
            let said = line(job, companions, files: files)
            jobs.append(said)
        }
    }

    /// What a job would scrape, as far as that can be known here.
    private mutating func line(
        _ job: ScrapeConfiguration, _ companions: [ReadConfiguration.Companion], files: any FileDoor
    ) -> String {
        var parts: [String] = []
        let listed = job.staticConfigs.reduce(0) { $0 + $1.targets.count }
        if listed > 0 { parts.append(Self.count(listed, "static target")) }
        if !job.fileSDConfigs.isEmpty {
            let (count, fileCount) = targets(inFilesOf: job, companions, files: files)
            parts.append("\(Self.count(count, "target")) in \(Self.count(fileCount, "file"))")
        }
        for (count, name) in [
            (job.httpSDConfigs.count, "http_sd_configs"), (job.dnsSDConfigs.count, "dns_sd_configs"),
            (job.ecsSDConfigs.count, "ecs_sd_configs"), (job.ec2SDConfigs.count, "ec2_sd_configs"),
        ] where count > 0 { parts.append("what \(name) finds (not asked here)") }
        let found = parts.isEmpty ? "no target" : parts.joined(separator: ", ")
        let rules = job.relabelRules.isEmpty || parts.isEmpty ? "" : ", before relabel_configs"
        let interval = PrometheusDuration.text(ms: job.scrapeIntervalMs)
        return VisibleText.shown("job \(job.jobName): \(found)\(rules); every \(interval)")
    }

    /// Of the files that are there now; what is wrong in one is a warning, since it may change while the
    /// agent runs.
    private mutating func targets(
        inFilesOf job: ScrapeConfiguration, _ companions: [ReadConfiguration.Companion], files: any FileDoor
    ) -> (targets: Int, files: Int) {
        var targetCount = 0
        var fileCount = 0
        for pattern in job.fileSDConfigs.flatMap(\.files) {
            do throws(DiscoveryError) {
                // What the job brings is written before the agent looks.
                var brought: [String: [UInt8]] = [:]
                for companion in companions where try GlobPaths.matches(companion.path, pattern) {
                    brought[companion.path] = companion.bytes
                }
                let there = try GlobPaths.matching(pattern, files: files).filter { brought[$0] == nil }
                for path in there + brought.keys.sorted() {
                    guard let groups = groups(path, brought[path], files: files) else { continue }
                    fileCount += 1
                    targetCount += groups.reduce(0) { $0 + $1.targets.count }
                }
            } catch {
                warnings.append(error.message)
            }
        }
        return (targetCount, fileCount)
    }

    private mutating func groups(
        _ path: String, _ brought: [UInt8]?, files: any FileDoor
    ) -> [StaticConfiguration]? {
        do {
            guard try brought != nil || files.status(path) != nil else {
                warnings.append(VisibleText.shown("\(path): the file of targets is not there"))
                return nil
            }
            let bytes = try brought ?? files.contents(of: path, limitBytes: TargetGroupFile.limitBytes)
            return try TargetGroupFile.decode(bytes, file: path, isJSON: path.hasSuffix(".json"))
        } catch {
            warnings += "\(error)".split(separator: "\n").map(String.init)
            return nil
        }
    }

    private static func count(_ count: Int, _ name: String) -> String {
        "\(count) \(name)\(count == 1 ? "" : "s")"
    }
}
