internal import HTTPTransport
internal import Logging
internal import Platform

/// Does what a plan says: over the network, from files, by a program.
struct CredentialFetcher: Sendable {
    /// As long as a sign-on tool may need that asks a server of its own.
    static let processTimeoutMs = 60_000

    let configuration: CredentialConfiguration
    let settings: AWSSettings
    let http: any HTTPPerforming
    let files: any FileDoor
    let clock: any AgentClock
    var patience = CallPatience()
    let logger: Logger

    func fetch(_ plan: CredentialPlan) async throws(AWSError) -> FetchedCredentials {
        switch plan {
        case .keys(let credentials, _): return FetchedCredentials(credentials: credentials)
        case .process(let command, let profile): return try await run(command, profile: profile)
        case .container(let endpoint):
            return try await ContainerCredentials(
                endpoint: endpoint, http: http, clock: clock,
                contents: { (path) async throws(AWSError) in try await contents(of: path) }
            ).credentials()
        case .instanceMetadata:
            return try await InstanceMetadata(
                environment: settings.environment, profile: try await settings.profile(), http: http
            ).credentials()
        case .webIdentity(let role, let file):
            let token = try await contents(of: file)
            return try await sts(NoCredentials()).assumeRole(role, webIdentityToken: token)
        case .role(let role, let source):
            let base = try await fetch(source)
            return try await sts(FixedCredentials(base.credentials)).assumeRole(role)
        }
    }

    /// STS of the region that the configuration, the environment or the profile says; the global one where
    /// none does.
    private func sts(_ credentials: any CredentialsProvider) async throws(AWSError) -> STSClient {
        let profile = try await settings.profile()
        let region = AWSRegion.resolve(
            configured: configuration.region, environment: settings.environment,
            profileRegion: profile["region"], remoteWriteHost: nil)
        var known = try await settings.endpoints()
        if configuration.usesFIPSSTS { known.usesFIPS = true }
        let isGlobal = region.map { known.usesGlobalSTS(in: $0) } ?? true
        return STSClient(
            client: AWSClient(
                region: isGlobal ? EndpointSettings.globalSTSRegion : region ?? "",
                credentials: credentials, http: http, clock: clock, endpoints: known,
                endpoint: isGlobal && known.url(for: .sts) == nil ? EndpointSettings.globalSTS : nil,
                patience: patience, logger: logger))
    }

    /// A token in a file, without the line end that editors leave.
    private func contents(of path: String) async throws(AWSError) -> String {
        let files = files
        let place = "read \(path)"
        let result: Result<[UInt8], FileError> = try await Self.blocking("aws-file", for: place) {
            do throws(FileError) {
                return .success(try files.contents(of: path, limitBytes: CredentialDocument.limitBytes))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let bytes):
            var text = String(decoding: bytes, as: UTF8.self)[...]
            while let last = text.last, last.isWhitespace { text.removeLast() }
            return String(text)
        case .failure(let error):
            throw AWSError(
                .noCredentials, message: error.message, operation: "\(error.operation) \(error.path)")
        }
    }

    private func run(_ command: String, profile: String) async throws(AWSError) -> FetchedCredentials {
        let place = "credential_process of profile \(profile)"
        func fault(_ message: String) -> AWSError {
            AWSError(.noCredentials, message: message, operation: place)
        }
        guard let words = CommandWords.split(command), !words.isEmpty, !command.utf8.contains(0) else {
            throw fault("the command has a quote that is not closed, or no words")
        }
        let environment = settings.environment
        let result: Result<[UInt8], ChildCommand.Fault> = try await Self.blocking("aws-process", for: place) {
            do throws(ChildCommand.Fault) {
                return .success(
                    try ChildCommand.run(
                        words, environment: environment, timeoutMs: Self.processTimeoutMs,
                        outputLimitBytes: CredentialDocument.limitBytes))
            } catch {
                return .failure(error)
            }
        }
        let bytes: [UInt8]
        switch result {
        case .success(let output): bytes = output
        case .failure(.start(let why)): throw fault("\(words[0]) cannot be started: \(why)")
        case .failure(.exit(let status)):
            throw fault("it ended with status \(status); run it by hand to see what it says")
        case .failure(.signal(let number)): throw fault("it was ended by signal \(number)")
        case .failure(.timeout): throw fault("it did not end within \(Self.processTimeoutMs / 1_000) s")
        case .failure(.output): throw fault("it printed more than \(CredentialDocument.limitBytes) bytes")
        }
        guard let document = CredentialDocument(bytes) else { throw fault("it printed no JSON object") }
        guard document.version == 1 else { throw fault("the JSON it printed has no \"Version\": 1") }
        switch document.credentials() {
        case .success(let credentials): return FetchedCredentials(credentials: credentials)
        case .failure(let missing): throw fault("the JSON it printed has no \(missing.field)")
        }
    }

    /// A thread for what blocks; this happens once a refresh. Throws when there is none to be had: the
    /// refresh is tried again later, and until then the credentials at hand serve.
    private static func blocking<Value: Sendable>(
        _ name: String, for operation: String, _ body: @escaping @Sendable () -> Value
    ) async throws(AWSError) -> Value {
        let result: Result<Value, ThreadError> = await withCheckedContinuation { continuation in
            do throws(ThreadError) {
                try SystemThread.start(name: name) { continuation.resume(returning: .success(body())) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error):
            throw AWSError(.noCredentials, message: "\(error)", operation: operation)
        }
    }
}

/// What signs the request for another role.
private struct FixedCredentials: CredentialsProvider {
    private let fixed: Credentials

    init(_ credentials: Credentials) { fixed = credentials }

    func credentials() async throws(AWSError) -> Credentials { fixed }

    func reject(_ refused: Credentials) async {}
}

/// For calls that are not signed.
private struct NoCredentials: CredentialsProvider {
    func credentials() async throws(AWSError) -> Credentials {
        throw AWSError(.noCredentials, message: "this call is not signed", operation: "STS")
    }

    func reject(_ refused: Credentials) async {}
}
