#if canImport(Glibc)
import Glibc
#endif

/// A port of loopback that takes connections and never answers: the kernel makes them, and nobody looks.
final class SilentServer: Sendable {
    struct Failure: Error {}

    let port: Int
    private let listener: Int32

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard listener >= 0 else { throw Failure() }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = listener
        // Safety: the address lives through the calls and is as long as said.
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(socket, generic, length) == 0 && listen(socket, 128) == 0
                    && getsockname(socket, generic, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// How many connections wait to be accepted. They are closed.
    func connectionsTaken() -> Int {
        var count = 0
        while true {
            let accepted = accept(listener, nil, nil)
            guard accepted >= 0 else { return count }
            _ = close(accepted)
            count += 1
        }
    }

    deinit { _ = close(listener) }
}
