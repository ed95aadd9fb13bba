import Configuration
import MetricModel
import Relabel
import Testing

@testable import Agent

@Suite struct ConfigurationDifferenceTests {
    private func job(_ name: String, _ change: (inout ScrapeConfiguration) -> Void = { _ in })
        -> ScrapeConfiguration
    {
        var job = ScrapeConfiguration(
            jobName: name, staticConfigs: [StaticConfiguration(targets: ["a:1"])])
        change(&job)
        return job
    }

    private func difference(
        _ old: [ScrapeConfiguration], _ new: [ScrapeConfiguration], labels: LabelSet = LabelSet()
    ) -> ConfigurationDifference {
        ConfigurationDifference(
            from: Configuration(scrapeConfigs: old),
            to: Configuration(
                global: GlobalConfiguration(externalLabels: labels), scrapeConfigs: new))
    }

    private func difference(
        _ old: [RemoteWriteConfiguration], _ new: [RemoteWriteConfiguration]
    ) -> ConfigurationDifference {
        ConfigurationDifference(
            from: Configuration(remoteWrites: old), to: Configuration(remoteWrites: new))
    }

    @Test func jobsAreComparedByNameWhateverTheirOrder() {
        let found = difference([job("a"), job("b"), job("c")], [job("d"), job("c"), job("a")])
        #expect(found.equalJobs == ["c", "a"])
        #expect(found.addedJobs == [0])
        #expect(found.removedJobs == ["b"])
        #expect(found.changedJobs.isEmpty && !found.isEmpty)
        #expect(difference([job("a"), job("b")], [job("b"), job("a")]).isEmpty)
    }

    @Test func anIntervalOrRelabellingKeepsLoopsAndProviders() {
        for change in [
            { $0.scrapeIntervalMs = 5_000 }, { $0.scrapeTimeoutMs = 1_000 }, { $0.scheme = "https" },
            { $0.params = [.init(name: "m", values: ["x"])] }, { $0.keepDroppedTargets = 3 },
            { $0.targetLimit = 9 },
        ] as [(inout ScrapeConfiguration) -> Void] {
            #expect(
                difference([job("a")], [job("a", change)]).changedJobs == [
                    .init(name: "a", index: 0, isScraping: false, keepsProviders: true)
                ])
        }
    }

    @Test func whatIsDiscoveredElsewhereNeedsOtherProviders() {
        for change in [
            { $0.staticConfigs = [StaticConfiguration(targets: ["b:1"])] }, { $0.metricsPath = "/m" },
            { $0.httpSDConfigs = [HTTPSDConfiguration(url: "http://h/")] },
        ] as [(inout ScrapeConfiguration) -> Void] {
            #expect(
                difference([job("a")], [job("a", change)]).changedJobs == [
                    .init(name: "a", index: 0, isScraping: false, keepsProviders: false)
                ])
        }
    }

    @Test func anythingElseOfAJobNeedsOtherLoops() {
        for change in [
            { $0.honorLabels = true }, { $0.limits.samples = 5 }, { $0.scrapeFailureLogFile = "/f" },
            { $0.enableCompression = false }, { $0.bodySizeLimitBytes = 1 },
        ] as [(inout ScrapeConfiguration) -> Void] {
            #expect(
                difference([job("a")], [job("a", change)]).changedJobs == [
                    .init(name: "a", index: 0, isScraping: true, keepsProviders: true)
                ])
        }
    }

    @Test func otherExternalLabelsChangeEveryJob() {
        let found = difference(
            [job("a"), job("b")], [job("a"), job("b")], labels: LabelSet([Label("r", "1")]))
        #expect(found.hasNewExternalLabels && found.equalJobs.isEmpty)
        #expect(found.changedJobs.map(\.name) == ["a", "b"])
        #expect(found.changedJobs.allSatisfy { $0.isScraping && $0.keepsProviders })
    }

    @Test func destinationsAreComparedByName() {
        var slow = RemoteWriteConfiguration(url: "http://a/", name: "a")
        slow.remoteTimeoutMs = 60_000
        let found = difference(
            [
                RemoteWriteConfiguration(url: "http://a/", name: "a"), .init(url: "http://b/"),
                .init(url: "http://c/"),
            ],
            [.init(url: "http://d/"), .init(url: "http://c/"), slow])
        #expect(found.equalDestinations == [RemoteWriteConfiguration(url: "http://c/").name])
        #expect(found.changedDestinations == ["a"])
        #expect(found.addedDestinations == [RemoteWriteConfiguration(url: "http://d/").name])
        #expect(found.removedDestinations == [RemoteWriteConfiguration(url: "http://b/").name])
        #expect(found.rename == nil)
    }

    @Test func aNamedEntryKeepsItsCursorWithAnotherURL() {
        let found = difference([.init(url: "http://a/", name: "n")], [.init(url: "http://b/", name: "n")])
        #expect(found.changedDestinations == ["n"] && found.rename == nil)
    }

    @Test func theOnlyUnnamedEntryWithAnotherURLCarriesItsCursorOver() {
        let (old, new) = (
            RemoteWriteConfiguration(url: "http://a/"), RemoteWriteConfiguration(url: "http://b/")
        )
        let other = RemoteWriteConfiguration(url: "http://o/")
        let found = difference([other, old], [other, new])
        #expect(found.rename == .init(old: old.name, new: new.name))
        #expect(found.equalDestinations == [other.name])
        #expect(found.addedDestinations.isEmpty && found.removedDestinations.isEmpty && !found.isEmpty)
    }

    @Test func whereMoreChangedThanOneURLNoCursorIsCarriedOver() {
        let (old, new) = (
            RemoteWriteConfiguration(url: "http://a/"), RemoteWriteConfiguration(url: "http://b/")
        )
        let (first, second) = (
            RemoteWriteConfiguration(url: "http://1/"), RemoteWriteConfiguration(url: "http://2/")
        )
        var slow = new
        slow.remoteTimeoutMs = 60_000
        let named = RemoteWriteConfiguration(url: "http://b/", name: "n")
        let pairs: [([RemoteWriteConfiguration], [RemoteWriteConfiguration])] = [
            ([old, first], [new, second]), ([old], [new, first]), ([old, first], [new]), ([old], [slow]),
            ([old], [named]), ([RemoteWriteConfiguration(url: "http://a/", name: "n")], [new]),
        ]
        for (before, after) in pairs {
            let found = difference(before, after)
            #expect(found.rename == nil)
            #expect(found.addedDestinations.contains(after[0].name))
            #expect(found.removedDestinations.contains(before[0].name))
        }
    }
}
