public import Telemetry
import Synchronization

/// When the target files that are in use were changed, for /metrics. Several entries may read one file: it is
/// shown as long as one of them does. Thread-safe.
public final class TargetFileTimes: Sendable {
    private let registry: MetricRegistry
    /// By path, how many entries read it.
    private let readers = Mutex<[String: Int]>([:])

    public init(registry: MetricRegistry) { self.registry = registry }

    /// One entry read files with these `times`, in seconds since 1970 by path; before it had read those of
    /// `before`.
    func change(from before: [String: Double], to times: [String: Double]) {
        readers.withLock { readers in
            for (path, seconds) in times {
                if before[path] == nil { readers[path, default: 0] += 1 }
                registry.gauge(
                    "prometheus_sd_file_mtime_seconds",
                    help: "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
                    labels: [("filename", path)]
                ).set(seconds)
            }
            for path in before.keys where times[path] == nil {
                readers[path, default: 1] -= 1
                guard readers[path, default: 0] <= 0 else { continue }
                readers[path] = nil
                registry.remove(where: "filename", is: path)
            }
        }
    }
}
