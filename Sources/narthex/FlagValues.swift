import Agent
public import ArgumentParser
import Logging
public import Telemetry

/// A duration in Prometheus' grammar: `90s`, `1h30m`.
struct FlagDuration: ExpressibleByArgument {
    let ms: Int64

    init(ms: Int64) { self.ms = ms }

    init?(argument: String) {
        guard let ms = FlagGrammar.durationMs(argument) else { return nil }
        self.ms = ms
    }

    var defaultValueDescription: String {
        ms % 3_600_000 == 0 ? "\(ms / 3_600_000)h" : ms % 1_000 == 0 ? "\(ms / 1_000)s" : "\(ms)ms"
    }
}

/// A duration in Prometheus' grammar, or in Go's, which has fractions too: `1m0s`, `1.5h`.
struct GoFlagDuration: ExpressibleByArgument {
    let ms: Int64

    init?(argument: String) {
        guard let ms = FlagGrammar.durationMs(argument) ?? FlagGrammar.goDurationMs(argument) else {
            return nil
        }
        self.ms = ms
    }
}

/// A size in Prometheus' grammar: a number with B, KB, MB, GB (powers of 1,024).
struct FlagSize: ExpressibleByArgument {
    let bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    init?(argument: String) {
        guard let bytes = FlagGrammar.sizeBytes(argument) else { return nil }
        self.bytes = bytes
    }

    var defaultValueDescription: String {
        bytes % (1 << 30) == 0 ? "\(bytes >> 30)GB" : "\(bytes >> 20)MB"
    }
}

/// Prometheus' four levels.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case debug, info, warn, error

    var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        }
    }
}

extension LogFormat: ExpressibleByArgument {}
