import Configuration
import Platform
import RemoteWrite
import WriteAheadBuffer

/// One destination: its cursor and the writer that sends what the cursor has not passed.
final class DestinationRunner: Sendable {
    let entry: RemoteWriteConfiguration
    let destination: BufferDestination
    let writer: RemoteWriter
    let signing: Parts.Signing
    private let ended = Event()
    private let over = Event()

    init(
        entry: RemoteWriteConfiguration, destination: BufferDestination, writer: RemoteWriter,
        signing: Parts.Signing
    ) {
        self.entry = entry
        self.signing = signing
        self.destination = destination
        self.writer = writer
    }

    var name: String { entry.name }

    /// Sends until cancelled, ended or drained. Called once.
    func run() async {
        await ended.cancelling { [writer] in await writer.run() }
        over.signal()
    }

    /// Cuts off what is on its way and returns when nobody uses the cursor any more; for a runner whose `run`
    /// was or will be called. Not to be cancelled.
    func end() async {
        ended.signal()
        let outcome = await over.wait()
        precondition(outcome == .signalled, "a reload that has begun to change things is not cancelled")
        writer.hideFigures()
    }
}
