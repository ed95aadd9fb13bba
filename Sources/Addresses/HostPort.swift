/// A host with or without a port, as `__address__` has it: `name`, `10.0.0.7:9100`, `[fe80::1%eth0]:9100`.
/// Whatever is one can stand in a URL.
public struct HostPort: Sendable, Equatable {
    /// As it was given.
    public let text: String
    /// nil where there is none.
    public let port: UInt16?
    private let authority: Authority

    /// Throws what is wrong with `text`; the error does not show it.
    public init(parsing text: String) throws(AddressError) {
        let bytes = text.utf8.span
        do throws(AddressError) { authority = try Authority(bytes, 0..<bytes.count) } catch {
            if bytes.contains(UInt8(ascii: "/"), in: 0..<bytes.count) { throw .path }
            throw error.code == .character ? .notHostPort : error
        }
        switch authority.port {
        case .none: port = nil
        case .empty: throw .port
        case .number(let number): port = number
        }
        self.text = text
    }

    /// Nil when `text` is no such thing.
    public init?(_ text: String) {
        do throws(AddressError) { try self.init(parsing: text) } catch { return nil }
    }

    /// Without brackets and zone, as it is written.
    public var host: String { String(text.part(authority.host)) }

    /// The host as an address; nil for a name.
    public var address: IPAddress? { authority.address }

    /// Of an IPv6 address.
    public var zone: String? { authority.zone.map { String(text.part($0)) } }

    /// Host and port as they stand together, with brackets where they are needed.
    public static func text(host: String, port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
