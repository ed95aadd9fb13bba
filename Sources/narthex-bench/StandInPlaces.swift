import FoundationEssentials
import Platform

/// Where the stand-ins listen: the one line of JSON they print when they are ready.
struct StandInPlaces: Decodable {
    struct Exporter: Decodable {
        let address: String
        let path: String
    }

    struct Endpoint: Decodable {
        let port: Int
        let url: String

        /// Scheme, host and port.
        var origin: String { "http://127.0.0.1:\(port)" }
    }

    let exporters: [Exporter]
    let amp: Endpoint

    /// Waits up to 30 s for the line.
    static func read(from path: String, clock: some AgentClock) async throws -> StandInPlaces {
        for _ in 0..<300 {
            if let text = text(of: path), let line = text.split(separator: "\n").first, text.contains("\n") {
                return try JSONDecoder().decode(StandInPlaces.self, from: Data(line.utf8))
            }
            try await clock.sleep(forMs: 100)
        }
        throw BenchError("the stand-ins were not ready within 30 s: \(text(of: path) ?? "no output")")
    }

    /// A small file as text; nil when it cannot be read yet.
    static func text(of path: String) -> String? {
        // Absent means not written yet: the caller asks again.
        (try? POSIXFiles().contents(of: path, limitBytes: 8 << 20)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

/// What the AMP stand-in has counted.
struct EndpointCounts: Decodable {
    let samples: UInt64
    let signaturesRefused: UInt64

    static func decode(_ json: String) throws -> EndpointCounts {
        try JSONDecoder().decode(EndpointCounts.self, from: Data(json.utf8))
    }
}
