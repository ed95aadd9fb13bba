import Testing

@testable import Agent

/// The working directory of the tests has no prometheus.yml.
@Suite struct CommandChoiceTests {
    private func words(
        _ arguments: [String], program: String = "narthex", _ environment: [String: String] = [:]
    ) throws -> [String] {
        try CommandChoice.words(
            program: program, arguments: arguments, commands: ["run", "discover", "scrape"],
            environment: environment)
    }

    @Test(
        arguments: [
            ("prometheus", "run"), ("/bin/prometheus", "run"), ("./prometheus", "run"),
            ("prometheus-ecs-discovery", "discover"), ("/usr/bin/prometheus-ecs-discovery", "discover"),
        ])
    func aNameIsACommand(program: String, command: String) throws {
        let file = command == "discover" ? ["--config.write-to=ecs_file_sd.yml"] : []
        #expect(try words([], program: program) == [command] + file)
        #expect(
            try words(["-config.cluster=a", "run"], program: program)
                == [command, "-config.cluster=a", "run"] + file)
    }

    @Test func aWordThatIsNoCommandIsShownWithoutSecrets() {
        for word in ["https://u:hush@h/", "https://h/?token=hush"] {
            let error = #expect(throws: CommandLineError.self) { try words([word]) }
            #expect(error.map { !"\($0)".contains("hush") } == true)
        }
    }

    @Test(arguments: ["narthex", "/bin/narthex", "narthex-prometheus", "prometheus/narthex", ""])
    func otherNamesAreNone(program: String) throws {
        #expect(throws: CommandLineError.self) { try words([], program: program) }
        #expect(try words(["discover"], program: program) == ["discover"])
    }

    @Test(
        arguments: [
            ["run"], ["run", "-config.cluster=a"], ["discover", "--config.cluster=a"],
            ["scrape", "--config.file=a"], ["help"], ["--help"],
            ["-h"],
            ["--version"], ["--generate-completion-script=bash"], ["---completion", "run"],
        ])
    func whatBeginsWithACommandStays(arguments: [String]) throws {
        #expect(try words(arguments) == arguments)
    }

    @Test(
        arguments: [
            ["--config.file=a"], ["--web.page-title=x", "--config.file", "a"], ["--remote-write.url=u"],
            ["@args"], ["--log.level=warn", "--help"], ["-config.file=a"],
        ])
    func flagsThatSayWhatToRunOnRun(arguments: [String]) throws {
        #expect(try words(arguments) == ["run"] + arguments)
    }

    @Test(
        arguments: [
            ["-config.cluster=a"], ["-config.cluster", "all"], ["-config.scrape-interval=1m"],
        ])
    func oneDashDiscoversIntoAFile(arguments: [String]) throws {
        let found = ["discover"] + arguments + ["--config.write-to=ecs_file_sd.yml"]
        #expect(try words(arguments) == found)
        #expect(try words(["discover"] + arguments) == found)
    }

    /// The file is named, or something else is asked for than prometheus-ecs-discovery does.
    @Test(
        arguments: [
            ["--config.region=b", "-config.write-to=/c"], ["-config.cluster=a", "--write-to", "c"],
            ["-config.cluster=a", "--format=table"], ["-config.cluster=a", "--all"],
            ["-config.cluster=a", "-h"], ["-config.cluster=a", "--config.file=a"],
        ])
    func wordsOfOursKeepTheirMeaning(arguments: [String]) throws {
        #expect(try words(arguments) == ["discover"] + arguments)
        #expect(try words(["discover"] + arguments) == ["discover"] + arguments)
    }

    @Test func everythingThatIsWrongIsSaid() throws {
        let error = try #require(throws: CommandLineError.self) {
            try words(["--web.bogus=1", "--storage.bogus", "x"])
        }
        for part in [
            "3 faults", "neither a command nor", "--web.bogus is no flag", "--storage.bogus is no flag",
        ] {
            #expect(error.message.contains(part), "\(error)")
        }
    }

    @Test(
        arguments: [
            ("NARTHEX_REMOTE_WRITE_URL", "u"), ("S3_CONFIG_LOCATION", "s3://b/k"),
            ("CONFIG_LOCATION", "ssm:/a"), ("ECS_CONFIG_CONTENT", "c"),
        ])
    func aVariableRuns(name: String, value: String) throws {
        #expect(try words([], [name: value]) == ["run"])
        #expect(try words(["--web.page-title=x"], [name: value]) == ["run", "--web.page-title=x"])
        #expect(throws: CommandLineError.self) { try words([], [name: ""]) }
    }

    @Test(arguments: [["bogus"], [""], ["--web.page-title=x"]])
    func otherwiseItIsRefused(arguments: [String]) {
        #expect(throws: CommandLineError.self) { try words(arguments) }
    }
}
