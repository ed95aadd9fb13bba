import Configuration
import Discovery
import Platform
import Testing

@testable import Agent

struct StartThreadsTests {
    @Test func everyThreadOfTheStartIsCounted() {
        // Signals, HTTP, the buffer's keeper, look-ups, target files, files of credentials, the status page,
        // deadlines, the keeper of memory, Swift's own.
        #expect(StartThreads.count(workers: 2) == 12)
        var job = ScrapeConfiguration(jobName: "j")
        job.httpSDConfigs = [HTTPSDConfiguration(url: "http://a.test/")]
        #expect(StartThreads.count(workers: 2, jobs: [job]) == 12)
        job.dnsSDConfigs = [DNSSDConfiguration(names: ["a.test"])]
        // Look-ups of names, which all jobs share.
        #expect(StartThreads.count(workers: 2, jobs: [job, job]) == 16)
    }
}
