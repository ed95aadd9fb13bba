import Configuration
import Logging
public import Platform

/// What `narthex run --config.print` shows.
public enum ConfigurationPrint {
    /// The configuration that the agent would run on, as YAML: with every default and where each value is
    /// from, or as the file that one made from a URL stands for. No secret is in it. Throws what is wrong
    /// with it.
    public static func text(
        _ options: AgentOptions, clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles()
    ) async throws(AgentError) -> String {
        guard options.remoteWriteURL == nil else {
            return try await Agent.generatedConfiguration(options, clock: clock, files: files)
        }
        let reader = ConfigurationReader(
            options, clock: clock, files: files, logger: Logger(label: "print"))
        let source = ConfigurationSource.Source(try await reader.read())
        let configuration = try ConfigurationSource.checked(
            source, options: options, needsRemoteWrite: false, files: files)
        do throws(ConfigurationErrors) {
            return try EffectiveConfiguration(
                configuration, text: source.text, file: source.name, shownAs: source.shownName,
                environment: source.environment(of: options.environment),
                expandsEnvironment: options.expandsEnvironment,
                including: Inclusions(companions: source.companions, files: files).files(of:)
            ).text
        } catch {
            throw AgentError(.configuration, error.description)
        }
    }
}
