import ArgumentParser

struct Races: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "races", abstract: "Tries all calls of the buffer at once, for the sanitizers.")

    @OptionGroup var common: CommonArguments

    func run() throws {
        throw ValidationError("this part is still to be written")
    }
}
