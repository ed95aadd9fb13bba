import ArgumentParser
import Platform
import Scrape
import StandIns

/// `narthex-bench bytes`: how many bytes of a request a sample takes, by orders, sizes, labels and encoders.
struct BytesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bytes",
        abstract: "Measures bytes of requests a sample, by order, size, labels of targets and encoder.",
        discussion: """
            A file is the page of one exporter, whose numbers are varied from target to target. Without a \
            file they are pages of the stand-in fleet, 1,000 series each. Targets have the labels instance \
            and job, and in a second table four labels of ECS, too. A row is one request of as many whole \
            frames as fit. Its columns are bytes a sample:

              plain        before compression
              one by one   one frame after the other, packed by libsnappy
              together     8 series of 8 frames at a time, packed by libsnappy
              as sent      the same, packed by the agent's own encoder of snappy
              2.0          remote write 2.0, packed by the same
            """)

    @Argument(help: "Pages in the text format, without timestamps.") var pages: [String] = []
    @Option(help: "Samples of a request at most; may be repeated.") var samples = [2_000, 5_000, 10_000]
    @Option(help: "Bytes of a request before compression, at most; the agent's limit is 786432.")
    var requestBytes = 786_432
    @Option(help: "Frames that stand together; 8 in what the agent sends.") var framesTogether = 8

    func validate() throws {
        guard (samples + [requestBytes, framesTogether]).allSatisfy({ $0 > 0 }) else {
            throw ValidationError("every number must be more than zero")
        }
    }

    func run() throws {
        // Where chunks are cut depends on the key, and with it a little of the order.
        HashKey.fix(seed: 1)
        var sources: [(name: String, pages: RequestBytes.Pages)] = []
        for name in pages {
            let page = PageNumbers(try POSIXFiles().contents(of: name, limitBytes: 64 << 20))
            sources.append((name, { page.text(target: $0) }))
        }
        if pages.isEmpty { sources.append(("the fleet's pages", RequestBytes.fleet())) }
        for (name, pages) in sources {
            for hasECSLabels in [false, true] {
                let bytes = RequestBytes(
                    pages: pages, hasECSLabels: hasECSLabels, framesTogether: framesTogether)
                print("\(name)\(hasECSLabels ? ", with labels of ECS" : "")\n\(RequestBytes.header)")
                for most in samples { print(try bytes.row(samples: most, requestBytes: requestBytes)) }
            }
        }
    }
}
