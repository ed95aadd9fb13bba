import AWS
import Addresses
import Configuration
import Cryptography
import HTTPTransport

/// Carries out a job of ECS Files Composer: fetches, decodes and fills in its files, and finds the one that
/// is a Prometheus configuration. Writes nothing.
struct ComposedFiles: Sendable {
    /// All files together.
    private static let limitBytes = 32 << 20

    let fetcher: ConfigurationFetcher
    let ways: ConfigurationFetcher.Ways?
    let environment: [String: String]

    /// What came of a job.
    struct Outcome: Sendable, Equatable {
        var name = ""
        var text: [UInt8] = []
        var companions: [ReadConfiguration.Companion] = []
        /// Of the sources, in the job's order.
        var versions: [String] = []
        var warnings: [String] = []
    }

    /// `document` names the job in errors.
    func outcome(of job: ComposerJob, document: String) async throws(SourceFault) -> Outcome {
        var outcome = Outcome()
        outcome.warnings = job.warnings.map(\.description)
        var made: [ReadConfiguration.Companion] = []
        var sumBytes = 0
        for file in job.files {
            let found: (bytes: [UInt8], version: String?)
            do throws(SourceFault) {
                found = try await contents(of: file)
            } catch {
                let place = "\(document):\(file.line): \(file.path): "
                guard file.ignoresFailure, !error.isCancelled else {
                    throw SourceFault(
                        place + error.message, mayPass: error.mayPass, isCancelled: error.isCancelled)
                }
                outcome.warnings.append("\(place)left out: \(error.message)")
                outcome.versions.append("")
                continue
            }
            if let version = found.version { outcome.versions.append(version) }
            sumBytes += found.bytes.count
            guard sumBytes <= Self.limitBytes else {
                throw SourceFault("\(document): the files have more than \(Self.limitBytes) bytes together")
            }
            made.append(.init(path: file.path, bytes: found.bytes, isPublic: file.isPublic))
        }
        let index = try Self.configurationIndex(made, document: document)
        outcome.name = made[index].path
        outcome.text = made[index].bytes
        made.remove(at: index)
        outcome.companions = made
        return outcome
    }

    /// Which of the files is the Prometheus configuration.
    static func configurationIndex(
        _ files: [ReadConfiguration.Companion], document: String
    ) throws(SourceFault) -> Int {
        let found = files.indices.filter { ConfigurationDocument.isConfiguration(files[$0].bytes) }
        if found.count == 1 { return found[0] }
        // A file of jobs for scrape_config_files, or one of another program, has such sections as well.
        let named = found.filter { index in
            ["/prometheus.yml", "/prometheus.yaml", "/narthex.yml", "/narthex.yaml"].contains {
                files[index].path.hasSuffix($0)
            }
        }
        if named.count == 1 { return named[0] }
        let paths = (found.isEmpty ? Array(files.indices) : found).map { files[$0].path }
        throw SourceFault(
            found.isEmpty
                ? "\(document): no file of the job is a Prometheus configuration: \(list(paths))"
                : "\(document): several files of the job may be the configuration (\(list(paths))); call"
                    + " one of them prometheus.yml")
    }

    private static func list(_ paths: [String]) -> String {
        paths.prefix(10).joined(separator: ", ") + (paths.count > 10 ? " and others" : "")
    }

    /// Fetched, decoded and filled in, in this order, as in the composer. `version` is nil for what stands in
    /// the job itself.
    private func contents(
        of file: ComposerJob.File
    ) async throws(SourceFault) -> (bytes: [UInt8], version: String?) {
        var bytes: [UInt8]
        var version: String?
        if let content = file.content {
            bytes = Array(content.utf8)
        } else if let source = file.source {
            let found = try await fetched(source)
            bytes = found.bytes
            version = found.version
        } else {
            throw SourceFault("it has neither content nor source")
        }
        if file.isBase64 {
            guard let decoded = Base64.bytes(bytes) else {
                throw SourceFault("it is not in base64, as its encoding says")
            }
            bytes = decoded
        }
        // A file that is no text, such as a key store, has no expressions.
        guard let text = String(validating: bytes, as: UTF8.self) else {
            guard !file.isTemplate else { throw SourceFault("it is not UTF-8, and its context is jinja2") }
            return (bytes, version)
        }
        do throws(JobTemplate.Fault) {
            let template = JobTemplate(environment: environment, isTemplate: file.isTemplate)
            return (Array(try template.rendered(text).utf8), version)
        } catch {
            throw SourceFault("line \(error.line): \(error.message)")
        }
    }

    private func fetched(
        _ source: ComposerJob.Source
    ) async throws(SourceFault) -> ConfigurationFetcher.Fetched {
        guard let ways else {
            throw SourceFault("its source is not on this machine, and nothing else is asked here")
        }
        let role = DocumentRole(arn: source.roleARN, externalID: source.externalID, region: source.region)
        let found: ConfigurationFetcher.Fetched?
        switch source.kind {
        case .parameter(let name):
            found = try await fetcher.parameter(try filled(name), role: role, by: ways)
        case .object(let bucket, let key):
            found = try await fetcher.object(
                .init(location: try location(try filled(bucket), try filled(key)), role: role), by: ways)
        case .secret(let id, let versionID, let versionStage, let jsonKey):
            found = try await fetcher.secret(
                .init(id: try filled(id), versionID: versionID, versionStage: versionStage, jsonKey: jsonKey),
                role: role, by: ways)
        case .web(let url, let username, let password):
            let place = try filled(url)
            // The same rules as for a location of one's own: no clear text over the network.
            do throws(ConfigurationLocation.Fault) {
                guard case .web = try ConfigurationLocation(place) else {
                    throw ConfigurationLocation.Fault(description: "the Url is none of https")
                }
            } catch {
                throw SourceFault(error.description)
            }
            found = try await fetcher.web(
                .init(url: place, username: username, password: password), by: ways)
        }
        guard let found else { throw SourceFault("the source answers that nothing has changed") }
        return found
    }

    private func location(_ bucket: String, _ key: String) throws(SourceFault) -> S3Location {
        do throws(AWSError) {
            return try S3Location("\(S3Location.scheme)\(bucket)/\(key)")
        } catch {
            throw SourceFault(error.message)
        }
    }

    /// Names of sources may hold variables, as in the composer.
    private func filled(_ text: String) throws(SourceFault) -> String {
        let expansion = EnvironmentText(text, environment: environment)
        if let fault = expansion.fault { throw SourceFault(fault) }
        return expansion.text
    }
}
