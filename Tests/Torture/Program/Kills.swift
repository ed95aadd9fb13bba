import ArgumentParser

struct Kills: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kills", abstract: "Tries a real SIGKILL at chosen system calls.")

    @OptionGroup var common: CommonArguments

    func run() throws {
        throw ValidationError("this part is still to be written")
    }
}
