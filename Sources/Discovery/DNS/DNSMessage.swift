import Addresses

/// The answer section of a DNS message (RFC 1035 §4). Records of other types, CNAMEs among them, are passed
/// over.
struct DNSMessage: Sendable, Equatable {
    /// In the order of the message.
    let answers: [DNSRecord]

    /// Nil when the bytes are no whole message.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard reader.skip(4), let questions = reader.number(2), let count = reader.number(2), reader.skip(4)
        else { return nil }
        for _ in 0..<questions {
            guard reader.name() != nil, reader.skip(4) else { return nil }
        }
        var answers: [DNSRecord] = []
        for _ in 0..<count {
            guard reader.name() != nil, let type = reader.number(2), let group = reader.number(2),
                reader.skip(4),
                let length = reader.number(2), reader.index + length <= bytes.count
            else { return nil }
            let end = reader.index + length
            // Class IN.
            if group == 1, let record = Self.record(type: type, length: length, &reader) {
                guard let record = record.0, reader.index == end else { return nil }
                answers.append(record)
            }
            reader.index = end
        }
        self.answers = answers
    }

    /// The outer nil: a type that is passed over; the inner: a record that is damaged.
    private static func record(type: Int, length: Int, _ reader: inout Reader) -> (DNSRecord?, Void)? {
        switch type {
        case 1: return (length == 4 ? address(reader.bytes(4)) : nil, ())
        case 28: return (length == 16 ? address(reader.bytes(16)) : nil, ())
        case 2: return (reader.name().map { .nameServer($0) }, ())
        case 15: return (reader.skip(2) ? reader.name().map { .mailExchange($0) } : nil, ())
        case 33:
            guard reader.skip(4), let port = reader.number(2), let target = reader.name() else {
                return (nil, ())
            }
            return (.service(target: target, port: port), ())
        default: return nil
        }
    }

    private static func address(_ bytes: [UInt8]?) -> DNSRecord? {
        bytes.flatMap { IPAddress(bytes: $0) }.map { .address($0) }
    }

    private struct Reader {
        /// A name has at most 255 bytes (RFC 1035 §2.3.4), so at most 127 labels and as many pointers.
        private static let stepLimit = 255

        let message: [UInt8]
        var index = 0

        init(bytes: [UInt8]) { message = bytes }

        mutating func skip(_ count: Int) -> Bool {
            guard index + count <= message.count else { return false }
            index += count
            return true
        }

        mutating func bytes(_ count: Int) -> [UInt8]? {
            guard index + count <= message.count else { return nil }
            defer { index += count }
            return Array(message[index..<(index + count)])
        }

        mutating func number(_ count: Int) -> Int? {
            bytes(count).map { $0.reduce(0) { $0 << 8 | Int($1) } }
        }

        /// A name, its compression followed (RFC 1035 §4.1.4), with a dot at the end.
        mutating func name() -> String? {
            var text: [UInt8] = []
            var at = index
            var after: Int?
            var length = 0
            for _ in 0..<Self.stepLimit {
                guard at < message.count else { return nil }
                let size = Int(message[at])
                if size == 0 {
                    index = after ?? at + 1
                    return text.isEmpty ? "." : String(decoding: text, as: UTF8.self)
                }
                if size & 0xC0 == 0xC0 {
                    guard at + 1 < message.count else { return nil }
                    after = after ?? at + 2
                    at = (size & 0x3F) << 8 | Int(message[at + 1])
                    continue
                }
                length += size + 1
                guard size < 64, length < 255, at + size < message.count else { return nil }
                for byte in message[(at + 1)...(at + size)] { Self.append(byte, to: &text) }
                text.append(0x2E)
                at += size + 1
            }
            return nil
        }

        /// As zone files write what is no plain character (RFC 1035 §5.1).
        private static func append(_ byte: UInt8, to text: inout [UInt8]) {
            switch byte {
            case 0x2E, 0x5C: text += [0x5C, byte]
            case 0x21...0x7E: text.append(byte)
            default:
                let digits = String(byte)
                text += Array(("\\" + String(repeating: "0", count: 3 - digits.count) + digits).utf8)
            }
        }
    }
}
