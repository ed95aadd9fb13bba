import AWS
import Configuration
import HTTPTransport
import MetricModel
import Platform
import RemoteWrite
import Scrape
import Synchronization
import Telemetry
import WriteAheadBuffer

/// What a request costs beside its samples: a look at the log, the claim, the cut, the cursor's note, the
/// signature, the answer and its booking, and the changes from task to task between them. Each request has
/// the few samples of one frame and counts as one sample, so that a figure for a sample is one for a request.
///
/// The slot runs on a worker, whose thread is what callgrind counts. The receiver has no socket: it answers
/// from a job of its own on the same worker. One request flies at a time, so that nothing depends on how long
/// an answer takes.
struct CountedRequests {
    private static let targets = 40
    private static let scrapes = 10

    private let buffer: WriteAheadBuffer
    private let destination: BufferDestination
    private let clock = StampedClock()

    /// The buffer is made in `folder`.
    init(folder: String) throws {
        HashKey.fix(seed: 1)
        buffer = try CountedStages.buffer(in: folder, clock: clock)
        destination = try buffer.openDestination("bench")
    }

    func run() async throws -> CountedStages.Count {
        let scraped = (0..<Self.targets).map { number in
            TargetScrape(target: CountedStages.target(instance: "10.0.0.\(number):9100"))
        }
        var samples = 0
        for round in 0..<Self.scrapes {
            for scrape in scraped {
                let text = Array("requests_total{code=\"200\"} \(1_000 + round)\n".utf8)
                // Safety: every element is a byte, and the array lives through the call.
                let frame = unsafe try scrape.consume(
                    text.span.bytes, at: CountedStages.timeMs(ofScrape: round))
                try buffer.append(frame)
                samples = frame.sampleCount
            }
        }
        let requests = UInt64(Self.targets * Self.scrapes)
        let workers = WorkerPool(name: "worker", threads: 1)
        let receiver = AnsweringReceiver(workers: workers)
        let writer = writer(workers, receiver, samples: samples)
        let running = Task { await writer.run() }
        await receiver.answered(requests)
        // Ends when the last answer is booked.
        await writer.drain(untilNs: clock.deadlineNs(inMs: 60_000))
        await running.value
        guard destination.sampleCounts.open == 0, receiver.count == requests else {
            throw BenchError(
                "\(receiver.count) requests left \(destination.sampleCounts.open) samples in the buffer")
        }
        return CountedStages.Count(stage: "request", samples: Int(requests), units: Int(requests))
    }

    private func writer(
        _ workers: WorkerPool, _ receiver: AnsweringReceiver, samples: Int
    ) -> RemoteWriter {
        let region = "eu-west-1"
        return RemoteWriter(
            configuration: RemoteWriteConfiguration(
                url: "https://aps-workspaces.\(region).amazonaws.com/workspaces/ws-bench/api/v1/remote_write",
                name: "bench", sigv4: SigV4Configuration(region: region),
                queue: QueueConfiguration(maxShards: 1, maxSamplesPerSend: samples)),
            destination: destination, http: receiver, credentials: BenchCredentials(), region: region,
            workers: workers, clock: clock, registry: MetricRegistry(), logger: CountedStages.silent)
    }
}

/// Stores what it is sent, at once.
private final class AnsweringReceiver: HTTPPerforming {
    private let workers: WorkerPool
    private let answers = Event()

    init(workers: WorkerPool) { self.workers = workers }

    var count: UInt64 { answers.count }

    /// As the real client does it, the task that asks is resumed from another job.
    func perform(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        await withCheckedContinuation { waiting in workers.post { waiting.resume() } }
        answers.signal()
        return HTTPResponse(status: 200)
    }

    /// Returns when so many requests were answered.
    func answered(_ count: UInt64) async {
        while answers.count < count { await answers.wait(after: answers.count) }
    }
}

/// The wall clock stands still, so that a signature is the same in every run; deadlines are the kernel's.
private struct StampedClock: AgentClock {
    private let clock = SystemClock()

    /// Soon after the last scrape.
    var wallMs: Int64 { CountedStages.timeMs(ofScrape: 20) }
    var monotonicNs: UInt64 { clock.monotonicNs }
    var isKernels: Bool { true }

    func sleep(untilNs deadlineNs: UInt64) async throws { try await clock.sleep(untilNs: deadlineNs) }
}

private struct BenchCredentials: CredentialsProvider {
    func credentials() async throws(AWSError) -> Credentials {
        Credentials(accessKeyID: StandInFleet.accessKey, secretAccessKey: StandInFleet.secretKey)
    }

    func reject(_ refused: Credentials) async {}
}
