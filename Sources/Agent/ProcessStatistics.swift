import Platform
import Telemetry

#if canImport(Glibc)
import Glibc
#endif

/// What the kernel says about this process, under the names that every Prometheus client library uses.
struct ProcessStatistics: Sendable {
    private let files: any FileDoor
    private let startSeconds: Double

    init(files: any FileDoor, clock: any AgentClock) {
        self.files = files
        startSeconds = Double(clock.wallMs) / 1_000
    }

    /// Adds the `process_…` families; each is read when the page is rendered.
    func register(in registry: MetricRegistry) {
        let families: [(String, String, MetricType, @Sendable (ProcessStatistics) -> Double?)] = [
            ("process_cpu_seconds_total", "User and system CPU time spent.", .counter, { $0.cpuSeconds() }),
            (
                "process_resident_memory_bytes", "Resident memory.", .gauge,
                { $0.statusBytes("VmRSS:") }
            ),
            (
                "process_resident_memory_anonymous_bytes", "Resident memory that is not file pages.", .gauge,
                { $0.statusBytes("RssAnon:") }
            ),
            ("process_virtual_memory_bytes", "Virtual memory.", .gauge, { $0.statusBytes("VmSize:") }),
            (
                "process_virtual_memory_max_bytes", "Maximum amount of virtual memory available.", .gauge,
                { _ in Self.limit(__rlimit_resource_t(RLIMIT_AS.rawValue)) }
            ),
            ("process_threads", "Threads of the process.", .gauge, { $0.statusNumber("Threads:") }),
            ("process_open_fds", "Open file descriptors.", .gauge, { $0.openDescriptors() }),
            (
                "process_max_fds", "Greatest number of open file descriptors.", .gauge,
                { _ in Self.limit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue)) }
            ),
            (
                "process_network_receive_bytes_total", "Bytes received over IP in the network namespace.",
                .counter, { $0.octets("InOctets") }
            ),
            (
                "process_network_transmit_bytes_total", "Bytes sent over IP in the network namespace.",
                .counter, { $0.octets("OutOctets") }
            ),
            (
                "process_start_time_seconds", "When the process started, in seconds since 1970.", .gauge,
                { $0.startSeconds }
            ),
        ]
        for (name, help, type, read) in families {
            registry.observe(name, help: help, type: type) {
                read(self).map { [Measurement(value: $0)] } ?? []
            }
        }
    }

    /// CPU time in seconds, from getrusage(2).
    func cpuSeconds() -> Double? {
        var usage = rusage()
        // Safety: `usage` lives through the call.
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
    }

    private func statusNumber(_ key: String) -> Double? {
        // Without /proc the number is left out of the page, which says as much as an error could.
        guard let bytes = try? files.contents(of: "/proc/self/status", limitBytes: 65_536) else { return nil }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(key) }
        return line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap {
            Double($0)
        }
    }

    private func statusBytes(_ key: String) -> Double? { statusNumber(key).map { $0 * 1_024 } }

    private func octets(_ name: String) -> Double? {
        // As above, without /proc the number is left out.
        guard let bytes = try? files.contents(of: "/proc/self/net/netstat", limitBytes: 65_536) else {
            return nil
        }
        return Self.extendedNumber(name, in: String(decoding: bytes, as: UTF8.self))
    }

    /// A number of the lines `IpExt:` of /proc/net/netstat: the first has names, the second their numbers.
    static func extendedNumber(_ name: String, in netstat: String) -> Double? {
        let lines = netstat.split(separator: "\n").filter { $0.hasPrefix("IpExt:") }
        guard lines.count == 2 else { return nil }
        let numbers = lines[1].split(separator: " ")
        guard let place = lines[0].split(separator: " ").firstIndex(of: name[...]), place < numbers.count
        else { return nil }
        return UInt64(numbers[place]).map { Double($0) }
    }

    private func openDescriptors() -> Double? {
        // The listing's own descriptor is among them. Without /proc the number is left out.
        (try? files.list("/proc/self/fd")).map { Double(max(0, $0.count - 1)) }
    }

    private static func limit(_ resource: __rlimit_resource_t) -> Double? {
        var limit = rlimit()
        // Safety: `limit` lives through the call.
        guard unsafe getrlimit(resource, &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }
}
