#if canImport(Glibc)
import Glibc
#endif

/// A port of loopback for an agent that cannot choose one by itself.
enum FreePort {
    /// One that nobody listens on now. Somebody else may take it before the agent does; then the agent says
    /// so and the run fails.
    static func find() throws(BenchError) -> UInt16 {
        let (socket, port) = try bound()
        close(socket)
        return port
    }

    /// A socket that is bound to such a port, and the port. The caller closes it.
    static func bound() throws(BenchError) -> (socket: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchError("no socket: errno \(errno)") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safety: the address lives through the calls, which read and write at most `length` bytes of it.
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let bound = unsafe bind(descriptor, generic, length)
                return bound == 0 ? unsafe getsockname(descriptor, generic, &length) : bound
            }
        }
        guard status == 0 else {
            let problem = errno
            close(descriptor)
            throw BenchError("no free port: errno \(problem)")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}
