import AWS
import Configuration

/// Where a task and the ports of its containers are to be reached.
struct ECSAddress {
    enum Mode: String {
        case awsvpc, bridge, host, none
    }

    /// Why there is no address or port, in words.
    struct Missing: Error, Equatable {
        let reason: String
    }

    let record: ECSTaskRecord
    let family: ECSSDConfiguration.AddressFamily
    /// The instance's attribute or tag that holds its address.
    let attribute: String

    /// The task's own attached interface.
    static func interface(of task: ECSTask) -> ECSTask.Attachment? {
        task.attachments.first { $0.type == "ElasticNetworkInterface" && $0.status == "ATTACHED" }
    }

    /// Without a definition, by what the task has.
    var mode: Mode {
        if let mode = record.definition?.networkMode.flatMap({ Mode(rawValue: $0) }) { return mode }
        let hasInterface = record.task.attachments.contains { $0.type == "ElasticNetworkInterface" }
        return hasInterface || record.task.launchType == "FARGATE" ? .awsvpc : .bridge
    }

    /// The address of a container, or of the task when there is none. An IPv6 address has no brackets.
    func host(_ container: ECSTask.Container?) throws(Missing) -> String {
        switch mode {
        case .awsvpc: try ownAddress(container)
        case .bridge, .host: try machineAddress()
        case .none: throw Missing(reason: "network mode none: it has no address")
        }
    }

    private func ownAddress(_ container: ECSTask.Container?) throws(Missing) -> String {
        guard let interface = Self.interface(of: record.task) else {
            throw Missing(reason: "the task has no attached network interface")
        }
        let containers = [container].compactMap { $0 } + record.task.containers
        let own = containers.flatMap(\.interfaces)
        let ipv4 =
            filled(interface.details["privateIPv4Address"]) ?? own.compactMap { filled($0.privateIPv4) }.first
        let ipv6 =
            filled(interface.details["ipv6Address"]) ?? filled(interface.details["privateIPv6Address"])
            ?? own.compactMap { filled($0.ipv6) }.first
        return try chosen(ipv4, ipv6, else: "the task's network interface has no address")
    }

    private func machineAddress() throws(Missing) -> String {
        guard let host = record.host else {
            throw Missing(reason: "nothing is known of the instance it runs on")
        }
        if let text = filled(host.attributes[attribute]) ?? filled(host.tags[attribute]) {
            return try name(text, in: "\(attribute) of \(host.instanceID ?? "the container instance")")
        }
        if host.isExternal {
            guard let ssm = host.ssm else {
                throw Missing(
                    reason: "Systems Manager does not tell of \(host.instanceID ?? "its machine");"
                        + " set the attribute \(attribute) on the container instance, or allow"
                        + " ssm:DescribeInstanceInformation")
            }
            guard let address = filled(ssm.address) else {
                throw Missing(reason: "Systems Manager has no address of \(ssm.id)")
            }
            return try name(address, in: "the address of \(ssm.id) in Systems Manager")
        }
        guard let ec2 = host.ec2 else {
            throw Missing(
                reason: "EC2 does not tell of \(host.instanceID ?? "its instance");"
                    + " is ec2:DescribeInstances allowed?")
        }
        return try chosen(filled(ec2.privateIPv4), filled(ec2.ipv6), else: "\(ec2.id) has no private address")
    }

    private func name(_ text: String, in place: String) throws(Missing) -> String {
        guard let name = ECSHostName.read(text) else {
            throw Missing(reason: ECSHostName.fault(text, in: place))
        }
        return name
    }

    private func chosen(_ ipv4: String?, _ ipv6: String?, else reason: String) throws(Missing) -> String {
        let first = family == .ipv4 ? ipv4 ?? ipv6 : ipv6 ?? ipv4
        guard let first else { throw Missing(reason: reason) }
        return first
    }

    /// The port to connect to for an endpoint of a container.
    func port(
        _ wanted: ECSEndpoint.Port, _ container: ECSTask.Container, _ defined: ECSTaskDefinition.Container?
    ) throws(Missing) -> Int {
        switch (wanted, mode) {
        case (.number(let port), .bridge): try boundPort(port, container)
        case (.number(let port), _): port
        case (.only, .bridge): try onlyBoundPort(container)
        case (.only, _): try onlyMappedPort(defined)
        }
    }

    private func boundPort(_ port: Int, _ container: ECSTask.Container) throws(Missing) -> Int {
        let bindings = reachable(container)
        for binding in bindings where binding.containerPorts.contains(port) {
            return binding.hostPorts.lowerBound + (port - binding.containerPorts.lowerBound)
        }
        // Somebody who writes the host's port means what is there.
        if bindings.contains(where: { $0.hostPorts.contains(port) }) { return port }
        throw Missing(
            reason: "the container's port \(port) is bound to no port of the instance"
                + " (bridge mode needs it in portMappings)")
    }

    private func onlyBoundPort(_ container: ECSTask.Container) throws(Missing) -> Int {
        guard let port = Self.only(reachable(container).map(\.containerPorts)) else {
            throw Missing(
                reason: "it asks for its port to be found, which needs exactly one network binding"
                    + " (it has \(Self.count(reachable(container).map(\.containerPorts))))")
        }
        return try boundPort(port, container)
    }

    private func onlyMappedPort(_ defined: ECSTaskDefinition.Container?) throws(Missing) -> Int {
        let ports = (defined?.portMappings ?? []).filter { $0.transport != "udp" }.map(\.containerPorts)
        guard let port = Self.only(ports), (1...65_535).contains(port) else {
            throw Missing(
                reason: "it asks for its port to be found, which needs exactly one port mapping"
                    + " (it has \(Self.count(ports)))")
        }
        return port
    }

    /// The one port that all of the ranges are; nil where there are none or several.
    private static func only(_ ranges: [ClosedRange<Int>]) -> Int? {
        count(ranges) == 1 ? ranges.first?.lowerBound : nil
    }

    /// How many ports different ranges have.
    private static func count(_ ranges: [ClosedRange<Int>]) -> Int { Set(ranges).map(\.count).reduce(0, +) }

    /// TCP, and not bound to the machine's loopback alone. Docker lists a binding for each address family;
    /// those of the wanted one come first.
    private func reachable(_ container: ECSTask.Container) -> [ECSTask.NetworkBinding] {
        let all = container.bindings.filter {
            $0.transport != "udp" && $0.bindIP != "::1" && !($0.bindIP ?? "").hasPrefix("127.")
        }
        let isFirst = { (binding: ECSTask.NetworkBinding) in
            (binding.bindIP ?? "").contains(":") == (family == .ipv6)
        }
        return all.filter(isFirst) + all.filter { !isFirst($0) }
    }

    private func filled(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

    /// `address:port`, with brackets where they belong.
    static func text(_ host: String, _ port: Int) -> String {
        host.contains(":") && !host.hasPrefix("[") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
