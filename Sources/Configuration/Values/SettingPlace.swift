/// Where in a file a setting stands, for what turns out to be wrong with it later.
///
/// Any two are equal: where a setting stands makes no difference to what it means, so configurations are
/// compared without it.
public struct SettingPlace: Sendable, Equatable {
    public let file: String
    /// From 1; 0 where the setting stands in no file.
    public let line: Int
    /// From 1, counted in characters.
    public let column: Int

    public init(file: String = "", line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }

    public static func == (_: SettingPlace, _: SettingPlace) -> Bool { true }

    /// What is wrong with the setting, with its place.
    public func error(_ message: String) -> ConfigurationError {
        ConfigurationError(file: file, line: line, column: column, message: message)
    }
}
