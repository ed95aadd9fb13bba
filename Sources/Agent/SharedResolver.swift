import Discovery
import Platform
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

    /// Makes it for a job that comes while the agent runs: throws where its threads cannot be made, which at
    /// the start would end the process.
    func makeWhileRunning() throws(ThreadError) {
        try made.withLock { made throws(ThreadError) in
            if made == nil { made = try SystemDNS(whileRunning: NameResolver()) }
        }
    }
}
