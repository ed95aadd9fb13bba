import Testing

@testable import Configuration

@Suite struct ConfigurationDecoderDestinationLimitsTests {
    private func destination(_ limits: String) -> String {
        "remote_write: [{url: 'http://127.0.0.1/', limits: \(limits)}]"
    }

    @Test func everyKeyIsRead() throws {
        let written = """
            {bytes_per_second: 1MB, requests_per_second: 0.5, samples_per_second: 1000, bytes_per_day: 2GB, \
            high_priority_jobs: [a, b], low_priority_jobs: [c]}
            """
        #expect(
            try load(destination(written)).remoteWrites[0].limits
                == DestinationLimits(
                    bytesPerSecond: 1_048_576, requestsPerSecond: 0.5, samplesPerSecond: 1_000,
                    bytesPerDay: 2 << 30, highPriorityJobs: ["a", "b"], lowPriorityJobs: ["c"]))
        #expect(try load(destination("{}")).remoteWrites[0].limits == DestinationLimits())
    }

    @Test func aJobThatIsNotThereIsWarnedOf() throws {
        let jobs = "\nscrape_configs: [{job_name: node}, {job_name: api}]"
        let limits = "{bytes_per_day: 1GB, high_priority_jobs: [nod, api], low_priority_jobs: [other]}"
        let found = try load(destination(limits) + jobs).warnings
        #expect(
            found.map(\.message) == [
                "high_priority_jobs names a job that is not there: \"nod\"; did you mean \"node\"?",
                "low_priority_jobs names a job that is not there: \"other\"",
            ])
        #expect(found.map(\.line) == [1, 1] && found[0].column < found[1].column)
        #expect(
            try load(destination("{bytes_per_day: 1GB, low_priority_jobs: [node]}") + jobs).warnings.isEmpty)
    }

    @Test(arguments: [
        ("{requests_per_second: -1}", "requests_per_second"), ("{samples_per_second: many}", "samples"),
        ("{bytes_per_day: 1GB, high_priority_jobs: [a], low_priority_jobs: [a]}", "job a stands in"),
        ("{high_priority_jobs: [a]}", "bytes_per_day"), ("{bytes: 1}", "bytes"),
    ])
    func whatMakesNoSenseIsRefused(limits: String, word: String) {
        let found = errors(destination(limits))
        #expect(found.count == 1 && found[0].contains(word), "\(found)")
    }
}
