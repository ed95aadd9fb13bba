import Addresses
import Configuration
import HTTPAccess
import Platform
import StatusServer
import Synchronization

/// Where the agent itself listens, to tell a destination that would be the agent, which receives no remote
/// write.
///
/// Nothing is resolved: a name is the machine's own when it is `localhost` or the machine's host name.
/// `--web.external-url` says nothing here, since the proxy that it names may lead other paths elsewhere.
struct OwnAddresses: Sendable {
    /// With the ports that they got; one of 0 is not known yet and matches nothing.
    let listening: [ListenAddress]
    var hostName = HostName.current
    /// Numeric addresses of this machine's interfaces, asked for when one has to be compared.
    var interfaces: @Sendable () -> [String] = { StatusServer.interfaceAddresses }

    init(_ listening: [ListenAddress]) { self.listening = listening }

    /// Throws when a destination is one of these addresses, with the place of each such URL.
    func refuse(_ writes: [RemoteWriteConfiguration], environment: [String: String]) throws(AgentError) {
        let faults = found(in: writes, environment: environment).map { write, own in
            write.urlPlace.error(
                "the url of this remote_write leads to the agent itself, which listens on \(own)"
                    + " (--web.listen-address) and does not receive remote write. Write the receiver's url;"
                    + " where the receiver is on this machine and has that port, give the agent another one"
                    + " with --web.listen-address"
            ).description
        }
        guard faults.isEmpty else { throw AgentError(.configuration, faults.joined(separator: "\n")) }
    }

    /// The same as a warning, for those who check a file and cannot know where the agent will listen.
    func warnings(_ writes: [RemoteWriteConfiguration], environment: [String: String]) -> [String] {
        found(in: writes, environment: environment).map { write, own in
            write.urlPlace.error(
                "the url of this remote_write leads to \(own), where narthex run itself listens unless"
                    + " --web.listen-address says otherwise: it refuses a destination that is itself"
            ).description
        }
    }

    /// The destinations that are one of these addresses.
    private func found(
        in writes: [RemoteWriteConfiguration], environment: [String: String]
    ) -> [(RemoteWriteConfiguration, ListenAddress)] {
        writes.compactMap { write in
            // Behind a proxy the same address is another machine's.
            guard let url = HTTPURL(write.url),
                write.http.proxy.isDirect(to: url, environment: environment), let own = reached(by: url)
            else { return nil }
            return (write, own)
        }
    }

    /// The address that requests to a URL would come to, whatever its path.
    func reached(by url: HTTPURL) -> ListenAddress? {
        guard url.scheme == .http else { return nil }
        return listening.first { $0.port != 0 && $0.port == Int(url.port) && isReached($0, by: url) }
    }

    private func isReached(_ own: ListenAddress, by url: HTTPURL) -> Bool {
        let name = Self.withoutDot(url.hostName)
        guard let host = own.host?.lowercased() else { return isTaken(url.address, name, alsoIPv6: true) }
        if Self.isLocalhost(host) { return isOneOf(Self.loopback, url.address, name) }
        guard let address = IPAddress(host) else {
            // Listening on a name: what it stands for is known only if it is the machine's own.
            return name == Self.withoutDot(host)
                || isOwnName(host) && (isOwnName(name) || url.address.map(isOfInterface) == true)
        }
        // :: takes both.
        if Self.isUnspecified(address) { return isTaken(url.address, name, alsoIPv6: address.ipv4 == nil) }
        return isOneOf([address], url.address, name)
    }

    /// Whether a socket on every interface takes what goes to an address, or to a name where there is none.
    private func isTaken(_ address: IPAddress?, _ name: String, alsoIPv6: Bool) -> Bool {
        guard let address else { return Self.isLocalhost(name) || isOwnName(name) }
        guard alsoIPv6 || address.ipv4 != nil else { return false }
        return Self.isUnspecified(address) || address.isLoopback || isOfInterface(address)
    }

    /// The same of sockets on some addresses.
    private func isOneOf(_ own: [IPAddress], _ address: IPAddress?, _ name: String) -> Bool {
        guard let address else {
            if Self.isLocalhost(name) { return own.contains(where: Self.loopback.contains) }
            // By the host name others reach this machine, so it is no loopback address.
            return isOwnName(name) && own.contains { !$0.isLoopback }
        }
        // Where no address is named, the kernel connects to loopback.
        let asked = Self.isUnspecified(address) ? Self.loopback[address.ipv4 == nil ? 1 : 0] : address
        return own.contains(asked)
    }

    private func isOfInterface(_ address: IPAddress) -> Bool {
        interfaces().contains { IPAddress($0) == address }
    }

    private func isOwnName(_ name: String) -> Bool {
        let own = hostName.lowercased()
        return !name.isEmpty && (name == own || name == own.prefix { $0 != "." })
    }

    /// What `localhost` stands for: 127.0.0.1 and ::1.
    private static let loopback = [
        IPAddress(ipv4: 0x7F00_0001), IPAddress(bytes: [UInt8](repeating: 0, count: 15) + [1]),
    ].compactMap(\.self)

    /// RFC 6761, section 6.3.
    private static func isLocalhost(_ name: String) -> Bool {
        name == "localhost" || name.hasSuffix(".localhost")
    }

    private static func withoutDot(_ name: String) -> String {
        name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// 0.0.0.0 or ::.
    private static func isUnspecified(_ address: IPAddress) -> Bool {
        address.bytes.allSatisfy { $0 == 0 }
    }
}

extension Stages {
    /// Throws when a destination is an address that the agent listens on.
    func requireOthers(_ configuration: Configuration) throws(AgentError) {
        try OwnAddresses(running.withLock { $0.listening }).refuse(
            configuration.remoteWrites, environment: options.environment)
    }
}
