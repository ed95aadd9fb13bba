import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// The line that tells the starter where everything is.
struct Ready: Encodable {
    struct Exporter: Encodable {
        let address: String
        let path: String
    }

    struct Place: Encodable {
        let port: Int
        let url: String
    }

    var exporters: [Exporter]
    var amp: Place?
    var ecs: Place?

    /// One line on standard output, with one write, so that a reader of lines gets it whole.
    func announce() {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            let line = try encoder.encode(self) + [UInt8(ascii: "\n")]
            // A starter that has gone does not read; then the end of standard input or a signal ends this.
            // Safety: the pointer stays inside the closure, for the array's own length.
            _ = unsafe Array(line).withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        } catch {
            preconditionFailure("strings and numbers can always be encoded: \(error)")
        }
    }
}
