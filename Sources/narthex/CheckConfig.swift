import Agent
import ArgumentParser
import Logging
import Platform
import Telemetry

/// `narthex check-config`: whether files would be run, and what deserves a look.
struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Checks configuration files: every error with its place, and what deserves a look.",
        discussion: """
            Nothing is asked that is not on this machine: no network, no DNS, no AWS. FILE is a path or \
            env:NAME. Exit status: 0 when all files would be run, 1 when there are warnings and --lint-fatal \
            is given, 2 when a file would not be run.
            """)

    @Argument(help: "Configuration files.")
    var files: [String] = []

    @Flag(help: "End with status 1 when there are warnings.")
    var lintFatal = false

    @Flag(name: .customLong("config.strict"), help: "As narthex run takes it.")
    var refusesIgnored = false

    @Flag(name: .customLong("config.expand-env"), help: "As narthex run takes it.")
    var expandsEnvironment = false

    @Option(name: .customLong("enable-feature"), help: "As narthex run takes it.")
    var features: [String] = []

    @Flag(help: "Print the JSON schema of configuration files, for editors, and check nothing.")
    var schema = false

    func validate() throws {
        guard schema != !files.isEmpty else {
            throw ValidationError(
                schema ? "--schema takes no file" : "name the files: narthex check-config prometheus.yml")
        }
        let refusals = FlagGrammar.refusedFeatures(features)
        guard refusals.isEmpty else { throw ValidationError(refusals.joined(separator: "\n")) }
    }

    mutating func run() async throws {
        LogOutput.bootstrap(level: .critical, format: .logfmt)
        if schema {
            try show(ConfigurationCheck.schema)
            return
        }
        var request = ConfigurationCheck.Request(environment: ProcessEnvironment.current)
        request.enabledFeatures = features
        request.refusesIgnored = refusesIgnored
        request.expandsEnvironment = expandsEnvironment
        var hasErrors = false
        var hasWarnings = false
        for file in files {
            let check = await ConfigurationCheck.run(file, request)
            try show(check.lines.map { "\($0)\n" }.joined())
            hasErrors = hasErrors || !check.errors.isEmpty
            hasWarnings = hasWarnings || !check.warnings.isEmpty
        }
        if hasErrors { throw ExitCode(AgentError.Code.configuration.rawValue) }
        if hasWarnings, lintFatal { throw ExitCode.failure }
    }

    private func show(_ text: String) throws {
        do throws(AgentError) {
            try StandardOutput.write(text)
        } catch {
            var standardError = StandardError()
            print(error.message, to: &standardError)
            throw ExitCode(error.code.rawValue)
        }
    }
}
