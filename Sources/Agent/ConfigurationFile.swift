import AWS
import Logging
import Platform

/// What `--config.file` names, read: a file, a pipe, or an object in S3.
struct ConfigurationFile: Sendable {
    /// Longest text taken.
    static let limitBytes = 4 << 20
    /// A pipe's writer has this long for each piece.
    private static let pipeWaitMs: Int64 = 30_000
    /// S3 is asked again after these, so that a network that comes up with the machine is waited for, but not
    /// later than `patienceMs` after the first time.
    private static let waitsMs: [Int64] = [1_000, 2_000, 4_000, 8_000]
    private static let patienceMs: UInt64 = 20_000

    /// As the flag has it.
    let name: String
    private let options: AgentOptions
    private let clock: any AgentClock
    private let files: any FileDoor
    private let logger: Logger
    private let hint: String

    /// `hint` stands at the end of what is said when nothing can be read.
    init(
        _ options: AgentOptions, clock: any AgentClock, files: any FileDoor, logger: Logger, hint: String = ""
    ) {
        name = options.configFile
        self.options = options
        self.clock = clock
        self.files = files
        self.logger = logger
        self.hint = hint
    }

    func contents() async throws(AgentError) -> [UInt8] {
        if name.hasPrefix(S3Location.scheme) { return try await object() }
        do throws(FileError) {
            if let status = try files.status(name), !status.isRegular, !status.isDirectory {
                return try POSIXFiles().streamed(
                    from: name, limitBytes: Self.limitBytes, waitMs: Self.pipeWaitMs)
            }
            return try files.contents(of: name, limitBytes: Self.limitBytes)
        } catch {
            throw unreadable(error.message)
        }
    }

    /// Reads it once more while the agent runs: by its way to AWS, and with `workers` for what may block.
    /// What a pipe has given it does not give again.
    func contentsAgain(_ aws: AWSAccess, workers: WorkerPool) async throws(AgentError) -> [UInt8] {
        if name.hasPrefix(S3Location.scheme) { return try await object(through: aws) }
        let (name, files) = (name, files)
        let read: Result<[UInt8]?, FileError> = await workers.run {
            Result { () throws(FileError) -> [UInt8]? in
                if let status = try files.status(name), !status.isRegular, !status.isDirectory { return nil }
                return try files.contents(of: name, limitBytes: Self.limitBytes)
            }
        }
        switch read {
        case .success(.some(let text)): return text
        case .success(.none): throw unreadable("it is a pipe or a device, which cannot be read again")
        case .failure(let error): throw unreadable(error.message)
        }
    }

    private func object() async throws(AgentError) -> [UInt8] {
        let start = await StartAccess(options, clock: clock, files: files)
        defer { start.shutDown() }
        return try await object(through: start.aws)
    }

    private func object(through aws: AWSAccess) async throws(AgentError) -> [UInt8] {
        let location: S3Location
        do throws(AWSError) { location = try S3Location(name) } catch { throw unreadable(error.message) }
        do throws(AWSError) {
            return try await Self.object(location, access: aws, clock: clock, logger: logger)
        } catch {
            throw unreadable("\(error)\(Self.advice(error.code))")
        }
    }

    /// An object, asked for again a few times where that may help.
    static func object(
        _ location: S3Location, access: AWSAccess, clock: any AgentClock, logger: Logger
    ) async throws(AWSError) -> [UInt8] {
        let startNs = clock.monotonicNs
        for waitMs in waitsMs {
            do throws(AWSError) {
                return try await access.object(location, limitBytes: limitBytes)
            } catch {
                let goneMs = (clock.monotonicNs - startNs) / 1_000_000
                guard error.mayPass, goneMs + UInt64(waitMs) <= patienceMs else { throw error }
                logger.warning(
                    "the configuration cannot be read yet",
                    metadata: ["err": "\(error)", "again_after_ms": .stringConvertible(waitMs)])
            }
            guard (try? await clock.sleep(forMs: waitMs)) != nil else {
                throw AWSError(.cancelled, message: "cancelled", operation: "S3.GetObject")
            }
        }
        return try await access.object(location, limitBytes: limitBytes)
    }

    /// What to do about a refusal of S3.
    static func advice(_ code: AWSError.Code) -> String {
        switch code {
        case .accessDenied:
            "; the role needs s3:GetObject on the object (config/iam/config-s3.json), and without "
                + "s3:ListBucket an object that is not there is refused in the same words"
        default: ""
        }
    }

    private func unreadable(_ message: String) -> AgentError {
        AgentError(
            .configuration,
            "\(name): the configuration file cannot be read: \(message) (--config.file\(hint))")
    }
}
