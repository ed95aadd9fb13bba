import Platform
import Testing

@testable import Agent

@Suite struct FlagReadingTests {
    @Test(
        arguments: [
            (["--config.file=a"], ["--config.file=a"]), (["--config.file", "a"], ["--config.file=a"]),
            (["--config.file="], ["--config.file", ""]), (["--config.file=-a"], ["--config.file=-a"]),
            (["--config.file=a=b"], ["--config.file=a=b"]), (["--config.print"], ["--config.print"]),
            (["--no-config.print"], []), (["--agent"], []), (["--web.config.file="], []),
            (
                [
                    "--web.listen-address=:1", "--web.listen-address", ":2", "--enable-feature=a",
                    "--enable-feature=b,c",
                ],
                [
                    "--web.listen-address=:1", "--web.listen-address=:2", "--enable-feature=a",
                    "--enable-feature=b,c",
                ]
            ),
            (["--storage.tsdb.path=/p"], ["--storage.agent.path=/p"]),
            (
                ["--storage.tsdb.path=/p", "--storage.agent.path=/a"], ["--storage.agent.path=/a"]
            ),
        ])
    func whatIsHonouredIsHandedOn(arguments: [String], words: [String]) {
        let reading = FlagReading(arguments)
        #expect(reading.words == words)
        #expect(reading.faults == [])
    }

    @Test(
        arguments: [
            (["--bogus=1"], ["--bogus is no flag"]), (["--bogus", "value"], ["--bogus is no flag"]),
            (
                ["-remoteWrite.url=http://a", "--promscrape.config", "a"],
                [
                    "-remoteWrite.url is a flag of vmagent; docs/moving-from-vmagent.md says",
                    "--promscrape.config is a flag of vmagent",
                ]
            ),
            (["--web.listen-adress=:1"], ["did you mean --web.listen-address?"]),
            (["--no-web.page-title"], ["--no-web.page-title is no flag"]),
            (["--query.timeout"], ["--query.timeout needs a value"]),
            (["--query.timeout", "--agent"], ["--query.timeout needs a value"]),
            (["--agent=true"], ["--agent takes no value; write --agent or --no-agent"]),
            (["--config.file=a", "--config.file=b"], ["--config.file stands more than once"]),
            (
                ["--query.timeout=1", "--query.timeout=2", "--query.timeout=3"],
                ["--query.timeout stands more"]
            ),
            (["--web.enable-lifecycle", "--no-web.enable-lifecycle"], ["stands more than once"]),
            (["--log.level=trace"], ["--log.level: \"trace\" is not one of debug, info, warn, error"]),
            (["--storage.remote.flush-deadline=1"], ["\"1\" is no duration"]),
            (["--storage.agent.wal-segment-size=1"], ["\"1\" is no size"]),
            (
                ["--web.config.file=web.yml"],
                ["--web.config.file is refused: the status pages have neither TLS"]
            ),
            (["--enable-feature=x,st-synthesis"], ["--enable-feature: st-synthesis is not supported"]),
            (["-web.listen-address=:1"], ["-web.listen-address has one dash; write --web.listen-address"]),
            (["-config.file", "a"], ["-config.file has one dash"]), (["-x"], ["-x is no flag"]),
            (["extra", ""], ["\"extra\" is not expected", "\"\" is not expected"]), (["-"], ["\"-\" is not"]),
            (["--", "--agent"], ["\"--agent\" is not expected"]), (["@"], ["@ needs the name of a file"]),
            (["@/nonexistent"], ["@/nonexistent: the file of arguments cannot be read"]),
            (
                ["--a=1", "--web.config.file", "x", "--log.format=xml", "y", "--agent", "--agent"],
                ["--a is", "--web.config.file is", "--log.format: ", "\"y\" is", "--agent stands"]
            ),
        ])
    func everythingThatIsWrongIsSaid(arguments: [String], faults: [String]) {
        let found = FlagReading(arguments).faults
        #expect(found.count == faults.count, "\(found)")
        for (one, expected) in zip(found, faults) { #expect(one.contains(expected)) }
    }

    @Test func aSecretInAWrongFlagIsNotShown() {
        #expect(!FlagReading(["--remote-write.ulr=https://u:hush@h/"]).faults[0].contains("hush"))
    }

    @Test func whatHasNoEffectIsSaidOnceForEachReason() {
        let reading = FlagReading([
            "--storage.tsdb.retention.time=15d", "--query.timeout=2m", "--storage.tsdb.retention.size=1GB",
            "--query.max-samples", "5", "--no-auto-gomaxprocs", "--web.enable-admin-api",
        ])
        #expect(reading.faults == [] && reading.words == [])
        #expect(
            reading.remarks.map { String($0.text.prefix { $0 != ":" }) } == [
                "--storage.tsdb.retention.time, --storage.tsdb.retention.size have no effect",
                "--query.timeout, --query.max-samples have no effect",
                "--no-auto-gomaxprocs has no effect", "--web.enable-admin-api has no effect",
            ])
        #expect(!reading.remarks.contains { !$0.isWarning })
    }

    @Test func flagsOfReloadsAreHandedOn() {
        let words = [
            "--config.auto-reload", "--config.auto-reload-interval=10s", "--web.enable-lifecycle",
        ]
        let reading = FlagReading(words)
        #expect(reading.words == words && reading.remarks == [] && reading.faults == [])
        let off = FlagReading(["--no-config.auto-reload", "--no-web.enable-lifecycle"])
        // A source that is not on this machine is watched without a flag: off is not the default.
        #expect(off.words == ["--no-config.auto-reload"] && off.remarks == [] && off.faults == [])
    }

    @Test func everyFlagWithoutEffectWarnsOnce() {
        for rule in FlagTable.all where rule.verdict == .ignored {
            let reading = FlagReading(
                rule.value == .nothing
                    ? [rule.plainValue == "true" ? "--no-\(rule.name)" : "--\(rule.name)"]
                    : ["--\(rule.name)=any"])
            #expect(reading.faults == [] && reading.words == [])
            #expect(reading.remarks.map(\.isWarning) == [true], "\(rule.name)")
            #expect(reading.remarks.first?.text.contains(rule.sentence) == true)
        }
    }

    @Test func everyRefusedFlagIsAFault() {
        for rule in FlagTable.all where rule.verdict == .refused {
            let faults = FlagReading([rule.value == .nothing ? "--\(rule.name)" : "--\(rule.name)=any"])
                .faults
            #expect(faults == ["--\(rule.name) is refused: \(rule.sentence)"])
        }
    }

    @Test func whatAsksForWhatIsSoIsNotSaid() {
        let arguments = [
            "--no-web.enable-lifecycle", "--no-web.enable-admin-api", "--agent",
            "--no-storage.agent.no-lockfile", "--storage.tsdb.use-lockfile", "--scrape.adjust-timestamps",
        ]
        #expect(FlagReading(arguments).remarks == [])
        #expect(FlagReading(["--no-agent"]).remarks.map(\.isWarning) == [true])
    }

    @Test func aServersDirectoryServesWhereNoneOfAnAgentIsGiven() {
        let one = FlagReading(["--storage.tsdb.path=/p"]).remarks
        #expect(one.map(\.isWarning) == [false])
        #expect(one[0].text.contains("is the buffer's directory"))
        let both = FlagReading(["--storage.agent.path=/a", "--storage.tsdb.path=/p"]).remarks
        #expect(both.map(\.isWarning) == [true])
        #expect(both[0].text.contains("--storage.agent.path is given"))
    }

    @Test(arguments: ["-h", "--help", "--help-long", "--help-man"])
    func helpComesBeforeFaults(word: String) {
        #expect(FlagReading(["--bogus", word]).page == .help)
    }

    @Test func theVersionIsAPage() { #expect(FlagReading(["--agent", "--version"]).page == .version) }

    @Test func aFileOfArgumentsStandsInItsPlace() throws {
        let folder = try TemporaryFolder()
        let files = POSIXFiles()
        let text = "# ours\n--log.level\nwarn\n--config.file=a b\n@\(folder.path)/more\n"
        try files.replace(folder.path + "/args", with: Array(text.utf8))
        try files.replace(folder.path + "/more", with: Array("--config.print".utf8))
        let reading = FlagReading(["@\(folder.path)/args", "--log.format=json"])
        #expect(reading.faults == [])
        #expect(
            reading.words == ["--log.level=warn", "--config.file=a b", "--config.print", "--log.format=json"])
    }
}
