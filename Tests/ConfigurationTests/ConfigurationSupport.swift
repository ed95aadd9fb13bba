import Testing

@testable import Configuration

/// The errors of a configuration as `line:column: message`; none when it loads.
func errors(_ text: String, environment: [String: String] = [:]) -> [String] {
    errors(bytes: Array(text.utf8), environment: environment)
}

func errors(bytes: [UInt8], environment: [String: String] = [:]) -> [String] {
    do throws(ConfigurationErrors) {
        _ = try Configuration.load(text: bytes, file: "conf/narthex.yml", environment: environment)
        return []
    } catch {
        return error.errors.map { "\($0.line):\($0.column): \($0.message)" }
    }
}

func load(_ text: String, environment: [String: String] = [:]) throws -> Configuration {
    try Configuration.load(text: Array(text.utf8), file: "conf/narthex.yml", environment: environment)
}

/// Random numbers that a printed seed gives again: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
        print("seed \(seed)")
    }

    mutating func next() -> UInt64 {
        // The algorithm is defined modulo 2^64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A file with one job that has these further lines.
func job(_ lines: String) -> String {
    "scrape_configs:\n  - job_name: a\n" + indented(lines, by: 4)
}

/// A file with one destination that has these further lines.
func destination(_ lines: String) -> String {
    "remote_write:\n  - url: http://receiver/api/v1/write\n" + indented(lines, by: 4)
}

private func indented(_ lines: String, by count: Int) -> String {
    let space = String(repeating: " ", count: count)
    return lines.split(separator: "\n", omittingEmptySubsequences: false).map { space + $0 }
        .joined(separator: "\n") + "\n"
}
