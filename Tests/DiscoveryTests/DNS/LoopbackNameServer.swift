import Glibc
import Platform
import Synchronization

/// A name server on a loopback port, UDP and TCP: the answer to a question is the test's.
final class LoopbackNameServer: Sendable {
    /// The answer section for a question, or a response code.
    enum Answer: Sendable {
        /// Type and rdata of each record.
        case records([(type: UInt16, data: [UInt8])])
        /// The same, by TCP only: by UDP the answer says that it was cut.
        case longRecords([(type: UInt16, data: [UInt8])])
        /// 2 is SERVFAIL, 3 NXDOMAIN.
        case code(UInt8)
        case silence
    }

    struct Failure: Error {}

    let port: UInt16
    private let udp: Int32
    private let tcp: Int32
    private let asked = Mutex<[String]>([])

    /// Names asked for, with `tcp ` before those asked by TCP.
    var questions: [String] { asked.withLock { $0 } }

    init(_ answer: @escaping @Sendable (_ name: String, _ type: UInt16) -> Answer) throws {
        udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard udp >= 0, tcp >= 0, let port = Self.bind(tcp, 0), Self.bind(udp, port) != nil,
            listen(tcp, 8) == 0
        else { throw Failure() }
        self.port = port
        SystemThread.startOrExit(name: "dns-udp") { [self] in
            var buffer = [UInt8](repeating: 0, count: 2_048)
            while true {
                var from = sockaddr_in()
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                // Safety: buffer and address live through the calls.
                let count = unsafe withUnsafeMutablePointer(to: &from) { pointer in
                    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe recvfrom(udp, &buffer, 2_048, 0, $0, &length)
                    }
                }
                guard count > 12 else { return }
                guard let reply = respond(Array(buffer.prefix(count)), answer, isTCP: false) else { continue }
                _ = unsafe withUnsafePointer(to: &from) { pointer in
                    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe sendto(udp, reply, reply.count, 0, $0, length)
                    }
                }
            }
        }
        SystemThread.startOrExit(name: "dns-tcp") { [self] in
            while true {
                let connection = accept(tcp, nil, nil)
                guard connection >= 0 else { return }
                var buffer = [UInt8](repeating: 0, count: 2_048)
                // A question is short: it comes in one piece or, its length apart, in two.
                var count = unsafe recv(connection, &buffer, 2_048, 0)
                if count == 2 { count += unsafe recv(connection, &buffer[2], 2_046, 0) }
                if count > 14, let reply = respond(Array(buffer[2..<count]), answer, isTCP: true) {
                    let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 0xFF)] + reply
                    _ = unsafe send(connection, framed, framed.count, Int32(MSG_NOSIGNAL))
                }
                close(connection)
            }
        }
    }

    func stop() {
        _ = shutdown(udp, Int32(SHUT_RDWR))
        _ = shutdown(tcp, Int32(SHUT_RDWR))
    }

    private func respond(
        _ query: [UInt8], _ answer: (String, UInt16) -> Answer, isTCP: Bool
    ) -> [UInt8]? {
        var at = 12
        var labels: [String] = []
        while at < query.count, query[at] != 0 {
            let end = at + 1 + Int(query[at])
            guard end < query.count else { return nil }
            labels.append(String(decoding: query[(at + 1)..<end], as: UTF8.self))
            at = end
        }
        guard at + 5 <= query.count else { return nil }
        let type = UInt16(query[at + 1]) << 8 | UInt16(query[at + 2])
        let name = labels.joined(separator: ".")
        asked.withLock { $0.append((isTCP ? "tcp " : "") + name) }
        let question = Array(query[12..<(at + 5)])
        func message(flags: [UInt8], _ records: [(type: UInt16, data: [UInt8])]) -> [UInt8] {
            var bytes = Array(query.prefix(2)) + flags
            bytes += [0, 1, UInt8(records.count >> 8), UInt8(records.count & 0xFF), 0, 0, 0, 0] + question
            for record in records {
                // The name is a pointer to the question's.
                bytes += [0xC0, 12, UInt8(record.type >> 8), UInt8(record.type & 0xFF), 0, 1, 0, 0, 0, 5]
                bytes += [UInt8(record.data.count >> 8), UInt8(record.data.count & 0xFF)] + record.data
            }
            return bytes
        }
        switch answer(name, type) {
        case .records(let records): return message(flags: [0x81, 0x80], records)
        case .longRecords(let records):
            return isTCP ? message(flags: [0x81, 0x80], records) : message(flags: [0x83, 0x80], [])
        case .code(let code): return message(flags: [0x81, 0x80 | code], [])
        case .silence: return nil
        }
    }

    private static func bind(_ descriptor: Int32, _ port: UInt16) -> UInt16? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safety: the address lives through the calls and is as long as said.
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe Glibc.bind(descriptor, generic, length) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : nil
    }
}
