import ArgumentParser

struct Points: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "points", abstract: "Tries a crash before each system call, in many variants.")

    @OptionGroup var common: CommonArguments

    func run() throws {
        throw ValidationError("this part is still to be written")
    }
}
