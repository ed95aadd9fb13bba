import Configuration

/// Configuration files: errors with a place in the file, or a configuration.
enum ConfigurationCheck {
    static func run(_ bytes: [UInt8]) {
        do throws(ConfigurationErrors) {
            _ = try Configuration.load(text: bytes, file: "f.yml", environment: ["A": "b"])
        } catch {
            precondition(!error.description.isEmpty, "an error says what is wrong")
        }
    }
}
