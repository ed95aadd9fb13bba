import Agent
import ArgumentParser
import Logging
import Platform
import Telemetry

#if canImport(Glibc)
import Glibc
#endif

/// `narthex healthcheck`: for the HEALTHCHECK of a container.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract:
            "Asks the agent on this machine whether it is healthy, for the health check of a container.",
        discussion: """
            Asks /-/healthy at the address of --web.listen-address. Without flags it takes those of process \
            1, where that is narthex, as in a container. Else it asks where a running agent has left an \
            address in its storage directory, then at NARTHEX_WEB_LISTEN_ADDRESS, then at 127.0.0.1:9090. \
            Exit status: 0 when an agent answers that it is healthy, or process 1 is narthex discover; 1 \
            when not, within 2 s.
            """)

    @Option(name: .customLong("web.listen-address"), help: "The agent's, as narthex run takes it.")
    var listenAddresses: [String] = []

    @Option(name: .customLong("web.external-url"), help: "The agent's, where its address is not in a file.")
    var externalURL: String?

    @Option(name: .customLong("web.route-prefix"), help: "The agent's, where its address is not in a file.")
    var routePrefix: String?

    @Option(
        name: .customLong("storage.agent.path"),
        help: "The agent's. (default: data-agent/ and the working directory)")
    var storagePath: String?

    /// From the start of this command to its end.
    private static let limitMs = 2_000

    func validate() throws {
        let faults = FlagGrammar.faultsOfPages(
            listenAddresses: listenAddresses, externalURL: externalURL, routePrefix: routePrefix)
        guard faults.isEmpty else { throw ValidationError(faults.joined(separator: "\n")) }
    }

    mutating func run() async throws {
        LogOutput.bootstrap(level: .critical, format: .logfmt)
        // A storage directory on a network that hangs holds this thread, and not that one.
        SystemThread.startOrExit(name: "limit") {
            SystemThread.pause(ms: Self.limitMs - 100)
            StandardStreams.writeError("the check did not end within 2 s: does the storage directory hang?\n")
            _exit(1)
        }
        var check = Healthcheck(environment: ProcessEnvironment.current, commands: Narthex.commandNames)
        check.listenAddresses = listenAddresses
        check.externalURL = externalURL
        check.routePrefix = routePrefix
        check.storagePath = storagePath
        do throws(AgentError) {
            print(VisibleText.shownLines("healthy: \(try await check.run())"))
        } catch {
            // It quotes files, variables and the command line of another process.
            StandardStreams.writeError(VisibleText.shownLines(error.message) + "\n")
            throw ExitCode(error.code.rawValue)
        }
    }
}
