import Glibc
import Platform

/// Plays the service manager's end of sd_notify(3): a datagram socket, in a folder or in the abstract
/// namespace.
@safe public final class NotifyReceiver: Sendable {
    /// What NOTIFY_SOCKET says.
    public let variable: String
    private let descriptor: Int32

    /// Listens at a path, or at a name of the abstract namespace that begins with `@`.
    public init(_ variable: String) throws {
        self.variable = variable
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(variable.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        // Safety: the name is cut to what the structure holds; both pointers live through the calls.
        unsafe withUnsafeMutableBytes(of: &place.sun_path) { path in
            for (index, byte) in bytes.prefix(path.count).enumerated() { unsafe path[index] = byte }
        }
        let length = socklen_t(2 + bytes.count)
        let status = unsafe withUnsafePointer(to: &place) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, length)
            }
        }
        guard status == 0 else {
            throw FileError(operation: "bind", path: variable, errno: errno, message: "no socket there")
        }
    }

    deinit { close(descriptor) }

    /// The next message; nil when there is none now.
    public func next() -> String? {
        var bytes = [UInt8](repeating: 0, count: 8_192)
        // Safety: recv writes at most the array's length.
        let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Every message that has come.
    public func all() -> [String] {
        var messages: [String] = []
        while let message = next() { messages.append(message) }
        return messages
    }
}
