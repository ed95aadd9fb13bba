import ArgumentParser

struct ModelCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Tries the buffer against a model of it, with random calls.")

    @OptionGroup var common: CommonArguments

    func run() throws {
        throw ValidationError("this part is still to be written")
    }
}
