import AWS
import Configuration
import Glibc
import Logging
import MetricModel
import Platform
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Discovery

func labels(_ pairs: (String, String)...) -> LabelSet { LabelSet(pairs.map { Label($0.0, $0.1) }) }

/// A logger that keeps what was said.
final class SaidLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(said: self) }
    }

    private struct Handler: LogHandler {
        let said: SaidLines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let extra = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            said.lines.withLock { $0.append(([event.message.description] + extra).joined(separator: " ")) }
        }
    }
}

/// A folder of its own that goes when the test ends.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/narthex-discovery-XXXXXX".utf8CString)
        // Safety: the template is writable and ends with a zero.
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe mkdtemp($0) != nil } ?? false
        }
        try #require(made)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        let files = POSIXFiles()
        for name in (try? files.list(path)) ?? [] {
            // A test may have made a folder inside; it stays then.
            try? files.remove("\(path)/\(name)")
        }
        // Safety: the path is a string for the length of the call. What is left behind lies in /tmp.
        _ = unsafe rmdir(path)
    }

    /// Writes beside and renames, as a good writer does.
    func put(_ name: String, _ text: String) throws { try put(name, Array(text.utf8)) }

    func put(_ name: String, _ bytes: [UInt8]) throws {
        let files = POSIXFiles()
        let file = try files.open("\(path)/.new", .create)
        // Safety: UInt8 has no padding, and `bytes` lives through the call.
        try unsafe files.write(bytes.span.bytes, to: file, at: 0)
        try files.close(file)
        try files.rename("\(path)/.new", to: "\(path)/\(name)")
    }

    func remove(_ name: String) throws { try POSIXFiles().remove("\(path)/\(name)") }
}

/// What a provider or manager reported, for a test to wait on.
final class Reports<Value: Sendable>: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Value.self)
    private let count = Mutex(0)

    var received: Int { count.withLock { $0 } }

    func add(_ value: Value) {
        count.withLock { $0 += 1 }
        continuation.yield(value)
    }

    func next() async -> Value? { await stream.first { _ in true } }
}

/// Returns once `count` tasks sleep on the clock: everything else has been done by then.
func waitForSleepers(_ clock: ManualClock, _ count: Int = 1) async {
    while clock.sleeperCount < count { await Task.yield() }
}
