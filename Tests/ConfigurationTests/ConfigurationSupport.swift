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
