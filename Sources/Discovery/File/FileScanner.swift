import Configuration
import MetricModel
import Platform

/// What is known of the files of one `file_sd_configs` entry. A value: each scan gives the next one.
struct FileScanner: Sendable {
    /// A file that could not be used, in a sentence with the place.
    struct Failure: Sendable, Equatable {
        let path: String
        let message: String
    }

    private struct Known: Sendable {
        /// As it was before it was last read; nil when it should be read again.
        var status: FileStatus?
        var groups: [TargetGroup] = []
        /// How often in a row the file was gone or empty. Writers that do not rename leave such a gap.
        var blanks = 0
    }

    private let patterns: [String]
    private var known: [String: Known] = [:]
    private(set) var failures: [Failure] = []
    /// Files named in full, and folders of patterns, that are not there: as yet, or by a slip.
    private(set) var absent: Set<String> = []
    /// What is wrong with files that were faulty when they were last read, and with patterns whose folder
    /// cannot be read, by path.
    private(set) var faults: [String: String] = [:]
    /// Files that this scan found in order after a fault.
    private(set) var recovered: [String] = []

    init(patterns: [String]) { self.patterns = patterns }

    /// All groups, by path.
    var groups: [TargetGroup] { known.sorted { $0.key < $1.key }.flatMap { $0.value.groups } }

    /// Whether targets are known from the file at `path`, or from files that the pattern `path` names.
    func hasTargets(from path: String) -> Bool {
        if let file = known[path] { return !file.groups.isEmpty }
        let folder = GlobPaths.folder(of: path)
        return known.contains { GlobPaths.folder(of: $0.key) == folder && !$0.value.groups.isEmpty }
    }

    /// When each file that is in use was changed, in seconds since 1970.
    var modificationTimes: [String: Double] {
        known.compactMapValues { $0.status.map { Double($0.modifiedNs) / 1e9 } }
    }

    /// Looks at all files and reads those that changed, or all of them. Blocks on the disk.
    mutating func scan(readsAll: Bool, files: any FileDoor) {
        failures = []
        absent = []
        recovered = []
        var present: Set<String> = []
        for pattern in patterns {
            do throws(DiscoveryError) {
                let paths = try expand(pattern, files)
                if !paths.contains(pattern) { faults[pattern] = nil }
                for path in paths where present.insert(path).inserted {
                    look(at: path, readsAll: readsAll, files)
                }
            } catch {
                // What an unreadable folder holds is unknown, so what came from there stays.
                failures.append(Failure(path: pattern, message: error.message))
                present.formUnion(
                    known.keys.filter {
                        GlobPaths.folder(of: $0) == GlobPaths.folder(of: pattern)
                    })
            }
        }
        for path in known.keys where !present.contains(path) { blank(path) }
        for failure in failures { faults[failure.path] = failure.message }
        let named = present.union(patterns)
        faults = faults.filter { named.contains($0.key) && !absent.contains($0.key) }
    }

    private mutating func look(at path: String, readsAll: Bool, _ files: any FileDoor) {
        do throws(FileError) {
            guard let status = try files.status(path) else {
                absent.insert(path)
                return blank(path)
            }
            guard readsAll || known[path]?.status != status else { return }
            guard status.isRegular else {
                throw FileError(
                    operation: "read", path: path, errno: 0,
                    message: status.isDirectory
                        ? "it is a folder; name its files, for instance \(path)/*.yml"
                        : "it is no regular file")
            }
            // No text is no JSON, but a YAML list without targets.
            if status.length == 0, !Self.isJSON(path), !(known[path]?.groups.isEmpty ?? true) {
                return blank(path)
            }
            let bytes = try files.contents(of: path, limitBytes: TargetGroupFile.limitBytes)
            // Taken even if what follows fails: a faulty file is told of once, not at every look.
            known[path, default: Known()].status = status
            known[path]?.blanks = 0
            try decode(bytes, path)
        } catch {
            known[path, default: Known()].blanks = 0
            failures.append(Failure(path: path, message: error.description))
        }
    }

    private mutating func decode(_ bytes: [UInt8], _ path: String) throws(FileError) {
        do throws(ConfigurationErrors) {
            let decoded = try TargetGroupFile.decode(
                bytes, file: path, isJSON: Self.isJSON(path))
            known[path]?.groups = decoded.enumerated().map { index, group in
                var labels = group.labels
                labels["__meta_filepath"] = path
                return TargetGroup(
                    source: "\(path), group \(index + 1)",
                    StaticConfiguration(targets: group.targets, labels: labels))
            }
            if faults.removeValue(forKey: path) != nil { recovered.append(path) }
        } catch {
            let more = error.errors.count > 1 ? " (and \(error.errors.count - 1) more errors)" : ""
            failures.append(Failure(path: path, message: "\(error.errors[0])\(more)"))
        }
    }

    private static func isJSON(_ path: String) -> Bool { path.lowercased().hasSuffix(".json") }

    /// The file is gone or empty: believed when seen twice.
    private mutating func blank(_ path: String) {
        guard var file = known[path] else { return }
        file.blanks += 1
        file.status = nil
        known[path] = file.blanks < 2 ? file : nil
    }

    /// The paths a pattern names now, sorted; a plain path names itself.
    private mutating func expand(_ pattern: String, _ files: any FileDoor) throws(DiscoveryError) -> [String]
    {
        let paths = try GlobPaths.matching(pattern, files: files)
        guard paths.isEmpty else { return paths }
        let folder = GlobPaths.folder(of: pattern)
        do throws(FileError) {
            if try files.status(folder) == nil { absent.insert(folder) }
        } catch {
            throw DiscoveryError(.badGlob, error.description, place: pattern)
        }
        return paths
    }
}
