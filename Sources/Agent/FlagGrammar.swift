import Configuration
import Platform
import StatusServer

/// Prometheus' grammars for flags; the configuration file uses the same.
public enum FlagGrammar {
    /// Milliseconds of a duration such as `1h30m`; nil when it is none.
    public static func durationMs(_ text: String) -> Int64? { PrometheusDuration.parse(text) }

    /// Milliseconds, rounded, of a duration as Go's flags take it, such as `1m30s` or `1.5h`; nil when it is
    /// none, or is negative.
    public static func goDurationMs(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        let unitsMs = ["ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3, "m": 60e3, "h": 3_600e3]
        func isNumber(_ character: Character) -> Bool {
            character == "." || ("0"..."9").contains(character)
        }
        var rest = Substring(text)
        var total = 0.0
        repeat {
            let digits = rest.prefix(while: isNumber)
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !isNumber($0) }
            rest = rest.dropFirst(unit.count)
            // Go has `.5` and `5.` for a half and five.
            guard let number = Double("0\(digits)0"), digits != ".", !digits.isEmpty,
                let unitMs = unitsMs[String(unit)]
            else { return nil }
            total += (digits.contains(".") ? number : number / 10) * unitMs
        } while !rest.isEmpty
        return total.isFinite && total < 9e15 ? Int64(total.rounded()) : nil
    }

    /// Why names of `--enable-feature` are refused, a sentence each. `lists` are the flag's values.
    public static func refusedFeatures(_ lists: [String]) -> [String] {
        FeatureFlags(lists).refusals.map { "--enable-feature: \($0.name) \($0.text)" }
    }

    /// Whether a name of `--enable-feature` asks for what `--config.auto-reload` does.
    public static func reloadsByItself(_ lists: [String]) -> Bool { FeatureFlags(lists).reloadsByItself }

    /// How `--config.auto-reload-interval` is taken, as Prometheus takes it: what is below a second is raised
    /// to one, and 0 is never, nil. With what to say of it.
    public static func watch(everyMs intervalMs: Int64) -> (intervalMs: Int64?, warning: String?) {
        guard intervalMs > 0 else {
            return (nil, "--config.auto-reload-interval 0: the configuration is not watched for changes")
        }
        guard intervalMs < 1_000 else { return (intervalMs, nil) }
        return (1_000, "--config.auto-reload-interval is below 1s: the configuration is looked at every 1s")
    }

    /// What is wrong with where the status pages are to be, a sentence each: the values of
    /// `--web.listen-address`, `--web.external-url` and `--web.route-prefix`.
    public static func faultsOfPages(
        listenAddresses: [String], externalURL: String?, routePrefix: String?
    ) -> [String] {
        var faults: [String] = []
        for text in listenAddresses {
            do throws(StatusError) {
                _ = try ListenAddress.parse(text)
            } catch {
                faults.append("--web.listen-address: \(error.message)")
            }
        }
        do throws(StatusError) {
            _ = try RoutePrefix(externalURL: externalURL, routePrefix: routePrefix)
        } catch {
            faults.append(error.message)
        }
        return faults
    }

    /// The listen addresses of NARTHEX_WEB_LISTEN_ADDRESS, unchecked; empty where it is not set.
    public static func listenAddresses(of environment: [String: String]) -> [String] {
        ListenAddress.list(environment[ListenAddress.variable] ?? "")
    }

    /// Why `--memory.limit` cannot be so many bytes, a sentence; nil where it can, or is not given.
    public static func faultOfMemoryLimit(_ bytes: Int?) -> String? {
        guard let bytes, bytes != 0, bytes < MemoryCeiling.leastBytes else { return nil }
        return "--memory.limit must be at least \(MemoryCeiling.leastBytes >> 20)MB, or 0 for none: an agent "
            + "without targets has up to 26MB, and response bodies and what is sent need 8MB each"
    }

    /// Bytes of a size such as `15MB`; nil when it is none or does not fit.
    public static func sizeBytes(_ text: String) -> Int? {
        ByteSize.parse(text).flatMap { Int(exactly: $0) }
    }
}
