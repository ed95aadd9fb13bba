import Platform
import Testing

@testable import Agent

struct ConfigurationPrintTests {
    @Test func aFileIsShownWithOriginsAndWithoutSecrets() async throws {
        var options = AgentOptions(configFile: "env:CONTENT")
        options.environment = [
            "CONTENT": "remote_write: [{url: 'https://h/w', basic_auth: {username: u, password: hush}}]"
        ]
        let text = try await ConfigurationPrint.text(options)
        #expect(text.contains("scrape_interval: 1m  # default"))
        #expect(text.contains("password: <secret>  # env:CONTENT:1") && !text.contains("hush"))
    }

    @Test func aWrongFileIsSaid() async {
        var options = AgentOptions(configFile: "env:CONTENT")
        options.environment = ["CONTENT": "globl: {}"]
        await #expect(throws: AgentError.self) { try await ConfigurationPrint.text(options) }
    }
}
