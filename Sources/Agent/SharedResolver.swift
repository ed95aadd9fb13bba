import Discovery
import Synchronization

/// The DNS resolver of all jobs: its threads start with the first job that looks names up.
final class SharedResolver: Sendable {
    private let made = Mutex<SystemDNS?>(nil)

    func shared() -> any DNSResolving {
        made.withLock { made in
            if let made { return made }
            let fresh = SystemDNS()
            made = fresh
            return fresh
        }
    }
}
