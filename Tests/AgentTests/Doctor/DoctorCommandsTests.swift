import Testing

@testable import Agent

struct DoctorCommandsTests {
    @Test(arguments: [
        ("narthex.yml", "narthex.yml"), ("/etc/a-b_c.yml", "/etc/a-b_c.yml"), ("s3://b/k", "s3://b/k"),
        ("a b", "'a b'"), ("it's", #"'it'\''s'"#), ("$(rm)", "'$(rm)'"), ("", "''"), ("*", "'*'"),
    ])
    func aTextIsOneWordToAShell(text: String, word: String) {
        #expect(DoctorCommands.quoted(text) == word)
    }

    @Test func aFileThatMayNotBeShownHasAPlace() {
        let commands = DoctorCommands(place: .file(nil))
        #expect(commands.discover(job: "a") == "narthex discover --config.file=FILE --job=a")
        #expect(commands.check == "narthex check-config FILE")
    }

    @Test func theFlagsThatAFileIsReadWithGoAlong() {
        let commands = DoctorCommands(place: .file("a.yml"), expandsEnvironment: true)
        let file = "--config.file=a.yml --config.expand-env"
        #expect(commands.check == "narthex check-config --config.expand-env a.yml")
        #expect(commands.discover(job: "a", all: true) == "narthex discover \(file) --job=a --all")
        #expect(commands.scrape("http://h/m", job: "a") == "narthex scrape http://h/m \(file) --job=a")
    }

    @Test func aConfigurationThatIsMadeIsWrittenFirst() {
        let commands = DoctorCommands(place: .generated("http://h/w"))
        #expect(
            commands.discover(job: "ecs", all: true)
                == "narthex run --remote-write.url=http://h/w --config.print >narthex-made.yml && "
                + "narthex discover --config.file=narthex-made.yml --job=ecs --all")
        let secret = DoctorCommands(place: .generated("http://u:hunter2@h/w"))
        #expect(secret.scrape("http://h:1/metrics", job: "ecs").contains("--remote-write.url=URL "))
    }
}
