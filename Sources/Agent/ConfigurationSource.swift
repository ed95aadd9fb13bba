import Configuration
import Logging
import Platform

/// Reads the configuration file, with every error in words.
enum ConfigurationSource {
    /// Longest file taken.
    static let limitBytes = 4 << 20

    static func load(
        _ path: String, files: any FileDoor, environment: [String: String], logger: Logger
    ) throws(AgentError) -> Configuration {
        let text: [UInt8]
        do {
            text = try files.contents(of: path, limitBytes: limitBytes)
        } catch {
            throw AgentError(
                .configuration,
                "\(path): the configuration file cannot be read: \(error.message) (--config.file)")
        }
        let configuration: Configuration
        do {
            configuration = try Configuration.load(text: text, file: path, environment: environment)
        } catch {
            throw AgentError(.configuration, error.description)
        }
        for warning in configuration.warnings { logger.warning("\(warning)") }
        guard !configuration.remoteWrites.isEmpty else {
            throw AgentError(
                .configuration,
                "\(path): there is no remote_write entry, so nothing could be shipped; "
                    + "add remote_write with a url"
            )
        }
        return configuration
    }
}
