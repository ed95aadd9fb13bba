import Agent
import ArgumentParser
import Logging
import Platform
import Telemetry

/// `narthex credentials`: who AWS takes this machine for.
struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials",
        abstract: "Says which AWS credentials, region and endpoints would be used, and from where.",
        discussion: """
            Looks where the agent would look and fetches what it would fetch. Shows the access key's id and \
            never a secret. Exit status 2 when there are no credentials: the error lists what was tried.
            """)

    @Option(help: "A profile of the shared files, as sigv4.profile.") var profile: String?
    @Option(help: "The region, as sigv4.region.") var region: String?
    @Option(help: "A role to assume, as sigv4.role_arn.") var roleArn: String?
    @Option(help: "What the role's trust policy asks for, as sigv4.external_id.") var externalId: String?

    private var request: IdentityReport.Request {
        IdentityReport.Request(profile: profile, region: region, roleARN: roleArn, externalID: externalId)
    }

    func validate() throws {
        let faults = request.faults
        guard faults.isEmpty else { throw ValidationError(faults.joined(separator: "\n")) }
    }

    mutating func run() async throws {
        LogOutput.bootstrap(level: .critical, format: .logfmt)
        do throws(AgentError) {
            let report = try await IdentityReport.make(request, environment: ProcessEnvironment.current)
            try StandardOutput.write(report.fields.map { "\($0.name): \($0.value)\n" }.joined())
        } catch {
            var standardError = StandardError()
            print(error.message, to: &standardError)
            throw ExitCode(error.code.rawValue)
        }
    }
}
