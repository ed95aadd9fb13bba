import Testing

@testable import narthex_bench

struct CommandTemplateTests {
    @Test func wordsAreSplitAsAShellDoes() throws {
        let template = try CommandTemplate(#"agent --a=1  '--b=two words' "--c={dir} x" d\ e "" --f="g h""#)
        #expect(
            template.words == ["agent", "--a=1", "--b=two words", "--c={dir} x", "d e", "", "--f=g h"])
    }

    @Test func everyPlaceIsFilledIn() throws {
        let template = try CommandTemplate("a -c={config} -d={dir}/x:{dir} -l={listen} -u {url}")
        let filled = template.filled { "<\($0.rawValue)>" }
        #expect(filled == ["a", "-c=<config>", "-d=<dir>/x:<dir>", "-l=<listen>", "-u", "<url>"])
        #expect(template.has(.url))
        #expect(!(try CommandTemplate("a {dir}").has(.url)))
    }

    @Test func bracesThatAreNoPlaceStayAsTheyAre() throws {
        let template = try CommandTemplate(#"a '{"k": 1}' {} {A} {"#)
        #expect(template.filled { _ in "x" } == ["a", #"{"k": 1}"#, "{}", "{A}", "{"])
    }

    /// A filled-in value is not looked at again: a folder may be called anything.
    @Test func aValueWithBracesIsNoPlace() throws {
        let filled = try CommandTemplate("a {config}{url}").filled { $0 == .config ? "{url}" : "x" }
        #expect(filled == ["a", "{url}x"])
    }

    @Test(arguments: ["", "  ", "a 'b", "a \"b", "a \\", "a {folder}", "a --x={confg}"])
    func whatCannotBeACommandIsRefused(line: String) {
        #expect(throws: CommandTemplate.Fault.self) { try CommandTemplate(line) }
    }
}

struct RaceAgentTests {
    @Test func anAgentIsNamedBeforeTheSign() throws {
        let agent = try RaceAgent.parse("old-one=/bin/agent --x={config}")
        #expect(agent.name == "old-one")
        #expect(agent.command.words == ["/bin/agent", "--x={config}"])
        #expect(agent.isSigned)
    }

    @Test(arguments: ["", "agent", "=agent", "a b=agent", "a/b=agent"])
    func aNameIsWantedThatAFileMayHave(text: String) {
        #expect(throws: CommandTemplate.Fault.self) { try RaceAgent.parse(text) }
    }

    /// Every process of a machine may read command lines.
    @Test func noReadyEntryHasASecretOnItsCommandLine() {
        for agent in [RaceAgent.narthex("a"), .vmagent("b"), .prometheus("c")] {
            #expect(!agent.command.words.joined(separator: " ").contains(StandInFleet.secretKey))
        }
    }
}
