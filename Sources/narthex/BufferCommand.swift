public import Agent
public import ArgumentParser
import Platform

/// `narthex buffer`: a look into the directory of a buffer.
struct BufferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buffer",
        abstract: "Looks into a buffer's directory: what it holds and for whom, and what is damaged.",
        discussion: """
            inspect shows samples by destination and job, their ages, and what the bytes are spent on; \
            verify what is damaged; dump labels and values of frames. Nothing is changed or locked: an \
            agent may run there. Exit status: 0, 1 when verify finds damage, 3 when something cannot be \
            read or dump finds no such frame, 64 for a wrong command line, 74 when standard output cannot \
            be written.
            """)

    @Argument(help: "One of inspect, verify, dump.")
    var action: BufferLook.Action

    @Argument(help: "The buffer's directory, which an agent has from --storage.agent.path.")
    var directory: String

    @Option(help: "One of table, json.")
    var format = ScrapeOnce.Format.table

    @Option(help: "Of dump: the first segment, by its number.")
    var segment: UInt64 = 0

    @Option(help: "Of dump: bytes of that segment to pass over.")
    var offset: UInt64 = 0

    @Option(help: "Of dump: only the job of this name.")
    var job: String?

    @Option(help: "Of dump: the most frames; 0 for all.")
    var limit = 100

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be negative") }
        guard action == .dump || (segment == 0 && offset == 0 && job == nil && limit == 100) else {
            throw ValidationError("--segment, --offset, --job and --limit are for narthex buffer dump")
        }
    }

    mutating func run() throws {
        var look = BufferLook(action, directory)
        look.showsJSON = format == .json
        look.segment = segment
        look.offset = offset
        look.job = job
        look.limit = limit
        do throws(AgentError) {
            try look.run { text throws(AgentError) in try StandardOutput.write(text) }
        } catch {
            if !error.message.isEmpty { StandardStreams.writeError(error.message + "\n") }
            throw ExitCode(error.code.rawValue)
        }
    }
}

extension BufferLook.Action: ExpressibleByArgument {}
