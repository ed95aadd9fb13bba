import JSON

#if canImport(Glibc)
import Glibc
#endif

/// The line that tells the starter where everything is.
struct Ready {
    struct Exporter {
        let address: String
        let path: String
    }

    struct Place {
        let port: Int
        let url: String

        var json: JSONValue { ["port": .integer(port), "url": .string(url)] }
    }

    var exporters: [Exporter]
    var amp: Place?
    var ecs: Place?

    /// What is not played is left out.
    var json: JSONValue {
        let places = exporters.map { exporter -> JSONValue in
            ["address": .string(exporter.address), "path": .string(exporter.path)]
        }
        return .object(["amp": amp?.json, "ecs": ecs?.json, "exporters": .array(places)])
    }

    /// One line on standard output, with one write, so that a reader of lines gets it whole.
    func announce() {
        let line = Array((json.text() + "\n").utf8)
        // A starter that has gone does not read; then the end of standard input or a signal ends this.
        // Safety: the pointer stays inside the closure, for the array's own length.
        _ = unsafe line.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
