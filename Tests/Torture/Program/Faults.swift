import ArgumentParser

struct Faults: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults", abstract: "Tries a fault at each system call.")

    @OptionGroup var common: CommonArguments

    func run() throws {
        throw ValidationError("this part is still to be written")
    }
}
