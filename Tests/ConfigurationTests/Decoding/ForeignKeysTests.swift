import Relabel
import Testing

@testable import Configuration

struct ForeignKeysTests {
    @Test(arguments: [
        (
            "scrape_configs: [{job_name: a, series_limit: 9}]\n",
            "unknown key \"series_limit\" in scrape_configs; it is a key of vmagent;"
                + " write sample_limit, with on_limit: shed (docs/moving-from-vmagent.md)"
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{if: x, action: drop}]}]\n",
            "unknown key \"if\" in relabel_configs; it is a key of vmagent; write source_labels and a regex"
                + " (docs/moving-from-vmagent.md)"
        ),
        (
            "receivers: {prometheus: {}}\n",
            "unknown key \"receivers\" in configuration file; it is a key of the OpenTelemetry collector;"
                + " Narthex has no pipelines, write scrape_configs and remote_write"
                + " (docs/moving-from-adot.md)"
        ),
        (
            "scrape_configs: [{job_name: a, aws_sd_configs: [{role: ecs, cluster_name: b}]}]\n",
            "unknown key \"cluster_name\" in aws_sd_configs; it is a key of the OpenTelemetry collector;"
                + " write clusters: [NAME] (docs/moving-from-adot.md)"
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: Keep_Metrics, regex: b}]}]\n",
            "action cannot be \"Keep_Metrics\"; it is an action of vmagent; write keep with"
                + " source_labels: [__name__] (docs/moving-from-vmagent.md)"
        ),
    ])
    func aKeyOfAnotherAgentIsSaidToBeOne(text: String, message: String) {
        let said = errors(text).map { $0.split(separator: ": ", maxSplits: 1).last.map(String.init) }
        #expect(said.contains(message), "\(said)")
    }

    @Test func noKeyThatABlockHasIsCalledForeign() {
        for table in Schema.all {
            let keys = table.allKeys.map(\.name) + table.ignored.map(\.name) + table.refused.map(\.name)
            for key in keys {
                #expect(ForeignKeys.advice(key, in: table.name) == nil, "\(key) in \(table.name)")
            }
        }
        for action in RelabelRule.Action.allCases {
            #expect(ForeignKeys.advice(action: action.rawValue) == nil)
        }
    }

    @Test func otherUnknownKeysAreListedAsBefore() {
        #expect(ForeignKeys.advice("stream_parse", in: "remote_write") == nil)
        let said = errors("scrape_configs: [{job_name: a, metrics_pth: b}]\n")
        #expect(said.count == 1 && said[0].contains("did you mean metrics_path? Valid keys: "))
    }
}
