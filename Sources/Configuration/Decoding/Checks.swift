import Addresses
import MetricModel

/// Rules for single values, shared by configuration and target files.
enum Checks {
    /// No receiver takes as many; AMP takes 150.
    static let labelLimit = 1_000

    /// Whether `text` is a label name as every receiver takes it: `[a-zA-Z_][a-zA-Z0-9_]*`.
    static func isPlainLabelName(_ text: String) -> Bool {
        !text.isEmpty && !(0x30...0x39).contains(text.utf8.first ?? 0)
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                    || $0 == 0x5F
            }
    }

    /// Nil when `text` is an absolute http or https URL; else what is wrong, to stand behind the name of its
    /// key. The message never holds a password or a query.
    static func url(_ text: String) -> String? {
        let problem: AddressError?
        do throws(AddressError) { problem = try HTTPURL(parsing: text).writtenProblem } catch {
            problem = error
        }
        guard let problem else { return nil }
        let shown = HTTPURL.shownStart(of: text).map(quoted)
        return switch problem.code {
        case .scheme: "must begin with http:// or https://, but \(shown ?? "this") does not"
        case .user: "must not hold a user or password"
        default: shown.map { "\($0) \(problem)" } ?? problem.message
        }
    }

    /// Nil when `text` can be a target's `__address__`; else what is wrong.
    static func address(_ text: String) -> String? {
        do throws(AddressError) {
            _ = try HostPort(parsing: text)
            return nil
        } catch {
            return HTTPURL.shownStart(of: text).map { "\(quoted($0)) \(error)" }
                ?? "this target, not shown as it may hold a password, \(error)"
        }
    }

    /// Nil when `text` can be an AWS region, for instance eu-west-1; else what is wrong.
    static func region(_ text: String) -> String? {
        let isValid =
            !text.isEmpty && text.utf8.count <= 64
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        return isValid ? nil : "\(quoted(text)) is not an AWS region such as eu-west-1"
    }

    /// Reads the labels of a mapping; faulty ones are reported and left out. An empty value means no label.
    static func labels(_ reader: MappingReader, _ key: String) -> LabelSet {
        var labels = LabelSet()
        let entries = reader.entries(key, of: "label names and values")
        guard entries.count <= labelLimit else {
            reader.report(key, "\(key) holds \(entries.count) labels; at most \(labelLimit) are taken")
            return labels
        }
        for entry in entries {
            // Any other text is a name, as in Prometheus 3.
            if entry.name.isEmpty {
                reader.sink.report(entry.key, "a label in \(key) has an empty name")
                continue
            }
            guard let text = entry.value.scalarText else {
                reader.sink.report(
                    entry.value,
                    "the label \(entry.name) must be a string, but this is \(entry.value.kindName)")
                continue
            }
            labels[entry.name] = entry.value.isNull ? nil : text
        }
        return labels
    }
}
