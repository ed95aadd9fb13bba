import ArgumentParser

struct Flips: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flips", abstract: "Tries each bit flip and each truncation of a small buffer.")

    @OptionGroup var common: CommonArguments

    func run() throws {
        throw ValidationError("this part is still to be written")
    }
}
