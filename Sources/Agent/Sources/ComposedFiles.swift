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
    /// For a check: what is not on this machine is left out and told of.
    var asksServices = true

    /// What came of a job.
    struct Outcome: Sendable, Equatable {
        var name = ""
        /// The document, where it holds the configuration's own lines.
        var shownName: String?
        var text: [UInt8] = []
        var companions: [ReadConfiguration.Companion] = []
        /// Of the sources, in the job's order.
        var versions: [String] = []
        /// Whether a file has a source.
        var isRemote = false
        /// Paths of the files that could not be read.
        var leftOut: Set<String> = []
        var warnings: [String] = []
    }

    /// `document` names the job in errors.
    func outcome(of job: ComposerJob, document: String) async throws(SourceFault) -> Outcome {
        var outcome = Outcome()
        outcome.warnings = job.warnings.map(\.description)
        outcome.isRemote = job.files.contains { $0.content == nil }
        var made: [ReadConfiguration.Companion] = []
        var places: [ComposerJob.Place?] = []
        var unread: [SourceFault] = []
        var sumBytes = 0
        for file in job.files {
            guard asksServices || file.content != nil else {
                let place = "\(document):\(file.line):\(file.column)"
                unread.append(
                    SourceFault("\(place): \(file.path): \(Self.notAsked)", isPlaced: true, isElsewhere: true)
                )
                outcome.warnings.append("\(place): \(file.path): not checked: \(Self.notAsked)")
                continue
            }
            let found: (bytes: [UInt8], version: String?)
            do throws(SourceFault) {
                found = try await contents(of: file)
            } catch {
                let place = "\(document):\(file.line):\(file.column): \(file.path): "
                let fault = SourceFault(
                    place + error.message, mayPass: error.mayPass, isCancelled: error.isCancelled,
                    isPlaced: true, isWrong: error.isWrong)
                let isPage = file.source?.isWeb ?? false
                guard file.ignoresFailure || isPage && !error.mayPass, !error.isCancelled else { throw fault }
                // Of a page it is not known yet whether it is the configuration.
                if !file.ignoresFailure { unread.append(fault) }
                outcome.warnings.append("\(place)left out: \(error.message)")
                outcome.versions.append("")
                outcome.leftOut.insert(file.path)
                continue
            }
            if let version = found.version { outcome.versions.append(version) }
            sumBytes += found.bytes.count
            guard sumBytes <= Self.limitBytes else {
                throw SourceFault("\(document): the files have more than \(Self.limitBytes) bytes together")
            }
            made.append(.init(path: file.path, bytes: found.bytes, mode: file.mode))
            places.append(file.contentPlace)
        }
        let index: Int
        do throws(SourceFault) {
            index = try Self.configurationIndex(made, document: document)
        } catch {
            throw unread.first ?? error
        }
        outcome.name = made[index].path
        outcome.text = made[index].bytes
        if let place = places[index], let moved = Self.moved(outcome.text, to: place) {
            outcome.text = moved
            outcome.shownName = document
        }
        made.remove(at: index)
        outcome.companions = made
        return outcome
    }

    /// The text of a file behind empty lines and spaces, so that each of its lines and columns has the number
    /// that it has in the job, and errors name that. Nil where the spaces would change what the text means or
    /// make it too long.
    static func moved(_ text: [UInt8], to place: ComposerJob.Place) -> [UInt8]? {
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        // Marks of documents and directives have their meaning at the beginning of a line only.
        let isBound = lines.contains { line in
            line.starts(with: "---".utf8) || line.starts(with: "...".utf8) || line.first == 0x25
                || line.starts(with: [0xEF, 0xBB, 0xBF])
        }
        let space = [UInt8](repeating: 0x20, count: place.columnsBefore)
        guard !isBound,
            text.count + lines.count * space.count + place.linesBefore <= Configuration.limitBytes
        else { return nil }
        var result = [UInt8](repeating: 0x0A, count: place.linesBefore)
        for (index, line) in lines.enumerated() {
            if index > 0 { result.append(0x0A) }
            if !line.isEmpty { result += space + line }
        }
        return result
    }

    /// What a check says of a source.
    static let notAsked = "its source is not on this machine, and nothing else is asked here"

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
        let main = found.filter { ConfigurationDocument.isMainConfiguration(files[$0].bytes) }
        if main.count == 1 { return main[0] }
        let paths = (found.isEmpty ? Array(files.indices) : found).map { files[$0].path }
        throw SourceFault(
            found.isEmpty
                ? "\(document): no file of the job is a Prometheus configuration: \(list(paths))"
                : "\(document): several files of the job may be the configuration (\(list(paths))); call"
                    + " one of them prometheus.yml", isPlaced: true, isWrong: true)
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
                throw SourceFault("it is not in base64, as its encoding says", isWrong: true)
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
            throw SourceFault("line \(error.line) of its text: \(error.message)", isWrong: true)
        }
    }

    private func fetched(
        _ source: ComposerJob.Source
    ) async throws(SourceFault) -> ConfigurationFetcher.Fetched {
        guard let ways else {
            throw SourceFault(Self.notAsked)
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

    /// Names of sources may hold `$NAME`, `${NAME}` and `${NAME:-DEFAULT}`. As in the composer a variable
    /// that is not set leaves the text as it is.
    private func filled(_ text: String) throws(SourceFault) -> String {
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            let isBraced = rest.first == "{"
            let name = rest.dropFirst(isBraced ? 1 : 0).prefix {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
            }
            var end = name.endIndex
            var fallback: String?
            // Within a bound, so that a text of many braces is not searched to its end at each.
            if isBraced, !name.isEmpty, let close = rest.prefix(1_024).firstIndex(of: "}") {
                let form = rest[end..<close]
                if form.hasPrefix(":-") { fallback = String(form.dropFirst(2)) }
                guard form.isEmpty || fallback != nil else {
                    throw SourceFault(
                        "only $NAME, ${NAME} and ${NAME:-DEFAULT} are replaced in names of sources")
                }
                end = rest.index(after: close)
            } else if isBraced || name.isEmpty {
                result += "$"
                continue
            }
            let value = environment[String(name)].flatMap { $0.isEmpty && fallback != nil ? nil : $0 }
            result += value ?? fallback ?? "$" + rest[..<end]
            rest = rest[end...]
        }
        return result + rest
    }
}
