import HTTPTransport
import Logging
import Platform
import Telemetry
import Testing

/// A quiet client, shut down when the test is done with it.
func withClient<R>(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(name: "test"),
    registry: MetricRegistry = MetricRegistry(), _ body: (HTTPClient) async throws -> R
) async throws -> R {
    let client = HTTPClient(
        configuration, registry: registry, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    defer { client.shutDown() }
    return try await body(client)
}

/// The error of a request that must fail.
func failure(of request: HTTPRequest, _ client: HTTPClient) async -> HTTPError? {
    do throws(HTTPError) {
        let response = try await client.perform(request)
        Issue.record("status \(response.status) and \(response.body.count) bytes instead of an error")
        return nil
    } catch {
        return error
    }
}

/// An HTTP/1.1 response with Content-Length.
func answer(_ body: String, status: String = "200 OK", headers: [String] = []) -> String {
    let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// Bytes from hexadecimal digits.
func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex.utf8).compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension HTTPBody {
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A pause on a server's own thread, where blocking is what is wanted.
enum SystemPause {
    static func milliseconds(_ ms: Int) { SystemThread.pause(ms: ms) }
}

/// Random numbers that a printed seed gives again: SplitMix64.
struct SeededRandom {
    private var state: UInt64

    init(seed: UInt64 = .random(in: 0...UInt64.max)) {
        state = seed
        print("seed \(seed)")
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return range.lowerBound + Int(mixed % UInt64(range.count))
    }
}

/// A gzip member of stored blocks.
func gzip(_ text: String) -> [UInt8] {
    let content = Array(text.utf8)
    var crc = ~UInt32(0)
    for byte in content {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1) &* 0xEDB8_8320 }
    }
    var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
    var start = 0
    repeat {
        let block = content[start..<min(content.count, start + 65_535)]
        start = block.endIndex
        let size = UInt16(block.count)
        // Whether it is the last one, its length, and the complement of that.
        packed.append(start == content.count ? 1 : 0)
        packed += [size & 0xFF, size >> 8, ~size & 0xFF, ~size >> 8].map { UInt8($0) }
        packed += block
    } while start < content.count
    for field in [~crc, UInt32(content.count)] {
        packed += [0, 8, 16, 24].map { UInt8(field >> $0 & 0xFF) }
    }
    return packed
}
