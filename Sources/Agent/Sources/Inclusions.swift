import Configuration
import Cryptography
import Discovery
import Platform

/// What tells one reading of the files that `scrape_config_files` name from another.
struct IncludedVersion: Sendable, Equatable {
    /// Paths and patterns as they were resolved.
    var patterns: [String] = []
    /// A hash of the paths found and of what the files hold.
    var digest = ""
}

/// Reads the files that `scrape_config_files` name, and remembers what it read. Not to be shared by threads.
final class Inclusions {
    private let companions: [ReadConfiguration.Companion]
    private let files: any FileDoor
    private var patterns: [String] = []
    private var digests: [String] = []

    /// `companions` come with the configuration and are not written yet: one stands before the file of its
    /// path.
    init(companions: [ReadConfiguration.Companion], files: any FileDoor) {
        self.companions = companions
        self.files = files
    }

    /// Of what was read so far.
    var version: IncludedVersion {
        IncludedVersion(patterns: patterns, digest: SHA256.hex(digests.joined(separator: " ")))
    }

    /// Reads what a path or pattern names. As in Prometheus a path that is not there names nothing.
    func files(of pattern: String) -> IncludedFiles {
        let found = found(pattern)
        patterns.append(pattern)
        switch found {
        case .files(let files):
            for (path, text) in files { digests += [SHA256.hex(path), SHA256.hex(bytes: text)] }
        case .failure(let message): digests.append(SHA256.hex(message))
        }
        return found
    }

    private func found(_ pattern: String) -> IncludedFiles {
        var found: [(path: String, text: [UInt8])] = []
        do throws(DiscoveryError) {
            for companion in companions {
                guard try GlobPaths.matches(companion.path, pattern) else { continue }
                found.append((companion.path, companion.bytes))
            }
            let brought = Set(found.map(\.path))
            for path in try GlobPaths.matching(pattern, files: files) where !brought.contains(path) {
                do throws(FileError) {
                    guard let status = try files.status(path), !status.isDirectory else { continue }
                    let text = try files.contents(of: path, limitBytes: Configuration.documentLimitBytes)
                    found.append((path, text))
                } catch {
                    return .failure("the file cannot be read: \(error)")
                }
            }
        } catch {
            return .failure(error.message)
        }
        return .files(found.sorted { $0.path < $1.path })
    }
}
