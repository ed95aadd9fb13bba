import Configuration
import Testing

struct SettingPlaceTests {
    @Test func anErrorHasThePlaceAndConfigurationsAreComparedWithoutIt() throws {
        func loaded(_ text: String) throws -> Configuration {
            try Configuration.load(text: Array(text.utf8), file: "a.yml", environment: [:])
        }
        let first = try loaded("remote_write: [{url: 'http://h/w'}]")
        let later = try loaded("# The receiver.\nremote_write:\n  - url: http://h/w\n")
        #expect(first == later)
        #expect(later.remoteWrites[0].urlPlace.error("is wrong").description == "a.yml:3:10: is wrong")
        #expect(SettingPlace().error("is wrong").description.contains("0:0") == false)
    }

    /// A comment moves lines, and nothing else.
    @Test func configurationsMeanTheSameWhereverTheirLinesAre() throws {
        func load(_ text: String) throws -> Configuration {
            try Configuration.load(text: Array(text.utf8), file: "a.yml", environment: [:])
        }
        let text = "rule_files: [a.yml]\nscrape_configs: [{job_name: a}]\n"
        let (one, moved) = (try load(text), try load("# said\n" + text))
        #expect(one != moved && one.means(moved))
        #expect(!one.means(try load(text + "global: {scrape_interval: 5s}\n")))
        #expect(!one.means(try load(text + "remote_write: [{url: 'http://h/w'}]\n")))
    }
}
