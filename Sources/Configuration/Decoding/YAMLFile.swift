/// A YAML file's root, with syntax errors in the module's own form.
enum YAMLFile {
    static func root(
        _ text: [UInt8], file: String, limits: YAMLComposer.Limits
    ) throws(ConfigurationErrors) -> YAMLNode? {
        do throws(YAMLSyntaxError) {
            return try YAMLComposer.compose(text, limits: limits)
        } catch {
            var errors = [
                ConfigurationError(
                    file: file, line: error.mark.line, column: error.mark.column, message: error.message)
            ]
            errors += dashes(text, file: file, before: error.mark.line)
            throw ConfigurationErrors(errors)
        }
    }

    /// Lines that begin with an en or em dash where a word processor or a web page replaced the hyphen of a
    /// list item. What libyaml says of these comes a line later and helps nobody.
    private static func dashes(_ text: [UInt8], file: String, before line: Int) -> [ConfigurationError] {
        var result: [ConfigurationError] = []
        var number = 1
        for bytes in text.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(line) {
            let rest = bytes.drop { $0 == 0x20 }
            if rest.count > 3,
                [[0xE2, 0x80, 0x93, 0x20], [0xE2, 0x80, 0x94, 0x20]].contains(Array(rest.prefix(4)))
            {
                result.append(
                    ConfigurationError(
                        file: file, line: number, column: bytes.count - rest.count + 1,
                        message: "this line begins with a dash (–); a list item begins with a hyphen (-)"))
            }
            number += 1
        }
        return Array(result.prefix(10))
    }
}
