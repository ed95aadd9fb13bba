import AWS
import Logging
import Platform
import Telemetry

#if canImport(Glibc)
import Glibc
#endif

/// The main job on stand-ins, in one process: an ECS API with a few Fargate tasks, an exporter in each, an
/// AMP endpoint that checks every signature and decodes every request, and the agent between them.
@main
struct Demo {
    static let cluster = "demo"
    static let region = "eu-west-1"
    /// Made up; the stand-ins check signatures made with it.
    static let credentials = Credentials(accessKeyID: "AKIDDEMO", secretAccessKey: "made-up-for-the-demo")

    private static let help = """
        Usage: narthex-demo

        Shows the agent at work on this machine alone: an ECS API with six Fargate tasks, an exporter in each,
        an AMP endpoint, and the agent between them. It listens on loopback, writes into a temporary folder
        that is gone afterwards, and goes on until Ctrl-C.

        -h, --help   Shows this help.

        """

    static func main() async {
        // Arguments that are no text are none that it takes.
        let words = (try? ProcessArguments.words()) ?? ["an argument that is not valid UTF-8"]
        if words.contains("-h") || words.contains("--help") {
            if StandardStreams.writeOutput(help) != nil { exit(74) }
            return
        }
        if let word = words.first {
            StandardStreams.writeError(
                VisibleText.shownLines("narthex-demo takes no arguments, so not \(word)\n\(help)"))
            exit(64)
        }
        let stop = Event()
        Signals.handle { signal in
            if signal != .hangUp { stop.signal() }
        }
        // The screen is the demo's; what goes wrong is still said.
        LogOutput.bootstrap(level: .warning, format: .logfmt)
        do {
            try await DemoRun(folder: try DemoFolder(), isTerminal: StandardStreams.outputIsTerminal).run(
                until: stop)
        } catch {
            StandardStreams.writeError("demo: \(error)\n")
            exit(1)
        }
    }
}
