/// What a pattern of `scrape_config_files` names, read by whoever may read files.
public enum IncludedFiles: Sendable {
    /// Sorted by path.
    case files([(path: String, text: [UInt8])])
    /// Why they could not be read, in a sentence with the path.
    case failure(String)
}

/// What came of the included files of one configuration.
final class Inclusion {
    /// A function in a box: reads what a resolved pattern names.
    struct Reader {
        let read: (String) -> IncludedFiles
    }

    /// Files in all; a pattern that names more is a mistake.
    static let fileLimit = 1_000

    let reader: Reader?
    fileprivate(set) var errors: [ConfigurationError] = []
    fileprivate(set) var warnings: [ConfigurationError] = []
    fileprivate(set) var lints: [ConfigurationError] = []
    fileprivate(set) var ignored: [IgnoredSetting] = []
    /// Whether a setting without effect is an error.
    let isStrict: Bool
    /// Whether a destination is Amazon Managed Service for Prometheus (AMP), which refuses some names.
    var shipsToAMP = false
    fileprivate var paths: Set<String> = []
    /// Those of the files that have a job.
    fileprivate var pathsWithJobs: Set<String> = []

    init(_ reader: Reader? = nil, isStrict: Bool = false) {
        self.reader = reader
        self.isStrict = isStrict
    }
}

extension ConfigurationDecoder {
    /// The jobs of the included files. `first` are the jobs of the configuration itself, whose names count.
    func includedJobs(
        _ reader: MappingReader, _ global: GlobalConfiguration, after first: [(name: String, mark: YAMLMark)]
    ) -> [ScrapeConfiguration] {
        var places = Dictionary(
            first.map { ($0.name, "\(sink.file):\($0.mark.line)") }, uniquingKeysWith: { old, _ in old })
        var jobs: [ScrapeConfiguration] = []
        for (pattern, node) in reader.strings("scrape_config_files", of: "paths") {
            for (path, text) in files(pattern, node) {
                jobs += includedJobs(of: path, text, global, &places)
            }
        }
        return jobs
    }

    private func files(_ pattern: String, _ node: YAMLNode) -> [(path: String, text: [UInt8])] {
        let name = pattern.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        if name.isEmpty || pattern.dropLast(name.count).contains("*") {
            sink.report(
                node, "\(quoted(pattern)) must be a file; only the last part of the path may have a *")
            return []
        }
        guard let reading = inclusion.reader else {
            sink.report(node, "scrape_config_files cannot be followed here")
            return []
        }
        switch reading.read(FilePath.resolve(pattern, from: folder)) {
        case .failure(let message):
            sink.report(node, message)
            return []
        case .files(let found):
            if found.isEmpty { sink.warn(node.mark, "no file is named by \(quoted(pattern))") }
            for (path, _) in found where inclusion.pathsWithJobs.contains(path) {
                sink.report(
                    node,
                    "\(quoted(path)) is named a second time by \(quoted(pattern)), so that its jobs would"
                        + " stand twice")
            }
            let fresh = found.filter { inclusion.paths.insert($0.path).inserted }
            guard inclusion.paths.count <= Inclusion.fileLimit else {
                sink.report(node, "scrape_config_files name more than \(Inclusion.fileLimit) files")
                return []
            }
            return fresh
        }
    }

    private func includedJobs(
        of path: String, _ text: [UInt8], _ global: GlobalConfiguration, _ places: inout [String: String]
    ) -> [ScrapeConfiguration] {
        let own = ErrorSink(file: path)
        defer {
            if inclusion.isStrict { own.refuseIgnored() }
            inclusion.errors += own.errors
            inclusion.warnings += own.warnings
            inclusion.lints += own.lints
            inclusion.ignored += own.ignored.prefix(max(0, ErrorSink.ignoredLimit - inclusion.ignored.count))
        }
        let root: YAMLNode?
        do throws(ConfigurationErrors) {
            root = try YAMLFile.root(
                text, file: path, limits: .init(bytes: Configuration.limitBytes, nodes: 500_000))
        } catch {
            inclusion.errors += error.errors
            return []
        }
        // Relative paths in a file are taken from that file's folder.
        let decoder = ConfigurationDecoder(
            sink: own, folder: FilePath.folder(of: path), environment: environment, features: features,
            inclusion: inclusion, expandsEnvironment: expandsEnvironment)
        guard let root = decoder.expanded(root), !root.isNull,
            let reader = MappingReader(root, Schema.scrapeConfigFile, own)
        else { return [] }
        if inclusion.shipsToAMP { decoder.warnOfNames(in: root) }
        var jobs: [ScrapeConfiguration] = []
        for node in reader.list("scrape_configs", of: "jobs") {
            guard let (job, mark) = decoder.scrapeConfig(node, global) else { continue }
            if !job.jobName.isEmpty, let other = places[job.jobName] {
                own.report(mark, "job_name must be unique: \(quoted(job.jobName)) stands in \(other) already")
            } else {
                places[job.jobName] = "\(path):\(mark.line)"
            }
            decoder.lint(job, node)
            jobs.append(job)
            inclusion.pathsWithJobs.insert(path)
        }
        return jobs
    }
}
