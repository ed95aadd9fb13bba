import AWS
import Configuration
import Testing

@testable import Discovery

@Suite struct ECSAddressTests {
    private typealias Binding = ECSTask.NetworkBinding

    private func address(
        _ task: ECSTask, mode: String?, host: ECSHost? = nil,
        family: ECSSDConfiguration.AddressFamily = .ipv4
    ) -> ECSAddress {
        var definition = webDefinition()
        definition.networkMode = mode
        return ECSAddress(
            record: ECSTaskRecord(task: task, definition: definition, host: host), family: family,
            attribute: "narthex.address")
    }

    private func missing<R>(_ body: () throws(ECSAddress.Missing) -> R) -> String? {
        do throws(ECSAddress.Missing) {
            _ = try body()
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func modesByDefinitionElseByWhatTheTaskHas() {
        #expect(address(fargateTask(1), mode: "host").mode == .host)
        #expect(address(fargateTask(1), mode: nil).mode == .awsvpc)
        #expect(address(instanceTask(1), mode: nil).mode == .bridge)
        #expect(address(instanceTask(1), mode: "future").mode == .bridge)
    }

    @Test func anInterfaceMustBeAttached() throws {
        var task = fargateTask(1)
        #expect(try address(task, mode: "awsvpc").host(nil) == "10.0.0.1")
        task.attachments[1].status = "ATTACHING"
        #expect(
            missing { () throws(ECSAddress.Missing) in try address(task, mode: "awsvpc").host(nil) } != nil)
        task.attachments.append(
            .init(
                type: "ElasticNetworkInterface", status: "ATTACHED",
                details: ["privateIPv4Address": "10.9.9.9"]))
        #expect(try address(task, mode: "awsvpc").host(nil) == "10.9.9.9")
    }

    @Test func sixthVersionWhereWantedOrAlone() throws {
        var task = fargateTask(1)
        task.containers[0].interfaces = [.init(privateIPv4: "10.0.0.1", ipv6: "fd00::1")]
        #expect(try address(task, mode: "awsvpc").host(nil) == "10.0.0.1")
        #expect(try address(task, mode: "awsvpc", family: .ipv6).host(nil) == "fd00::1")
        task.attachments[1].details["privateIPv4Address"] = nil
        task.containers[0].interfaces[0].privateIPv4 = ""
        #expect(try address(task, mode: "awsvpc").host(task.containers[0]) == "fd00::1")
        #expect(ECSAddress.text("fd00::1", 80) == "[fd00::1]:80")
        #expect(ECSAddress.text("10.0.0.1", 80) == "10.0.0.1:80")
    }

    @Test func machinesByEC2BySSMOrByWhatIsSetOnThem() throws {
        let ec2 = ECSHost(instanceID: "i-1", ec2: .init(id: "i-1", privateIPv4: "10.1.0.1", ipv6: "fd00::9"))
        #expect(try address(instanceTask(1), mode: "bridge", host: ec2).host(nil) == "10.1.0.1")
        #expect(try address(instanceTask(1), mode: "host", host: ec2, family: .ipv6).host(nil) == "fd00::9")
        var external = ECSHost(instanceID: "mi-1", ssm: .init(id: "mi-1", address: "192.168.1.5"))
        #expect(try address(instanceTask(1), mode: "bridge", host: external).host(nil) == "192.168.1.5")
        external.tags = ["narthex.address": "edge-1.example"]
        #expect(try address(instanceTask(1), mode: "bridge", host: external).host(nil) == "edge-1.example")
        external.attributes = ["narthex.address": "10.7.0.1"]
        #expect(try address(instanceTask(1), mode: "bridge", host: external).host(nil) == "10.7.0.1")
    }

    @Test(arguments: [
        ("10.7.0.1", "10.7.0.1"), ("edge-1.example", "edge-1.example"), ("fd00::1", "fd00::1"),
        ("[fd00::1]", "fd00::1"), ("FE80::1%eth0", "FE80::1%eth0"), ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1"),
    ])
    func theAddressThatIsSetIsAHost(text: String, host: String) throws {
        let machine = ECSHost(instanceID: "mi-1", attributes: ["narthex.address": text])
        #expect(try address(instanceTask(1), mode: "host", host: machine).host(nil) == host)
    }

    @Test(arguments: [
        "10.9.9.12:8080", "edge-1.example:8080", "[fd00::1]:8080", "[10.9.9.12]", "fd00::1::2", "fd00::1%",
        "1:2", "http://edge-1", "edge 1", "[fd00::1", ":8080",
    ])
    func anAddressThatIsNoHostIsRefusedAndShown(text: String) {
        let machine = ECSHost(
            instanceID: "i-1", tags: ["narthex.address": text],
            ec2: .init(id: "i-1", privateIPv4: "10.1.0.1"))
        let said = missing { () throws(ECSAddress.Missing) in
            try address(instanceTask(1), mode: "bridge", host: machine).host(nil)
        }
        #expect(
            said == "narthex.address of i-1 is \"\(text)\"; it must be a host name or an IP address without"
                + " a port, because each target has a port of its own")
    }

    @Test func whatSystemsManagerReportsIsLookedAtToo() {
        let machine = ECSHost(instanceID: "mi-1", ssm: .init(id: "mi-1", address: "10.0.0.1:22"))
        let said = missing { () throws(ECSAddress.Missing) in
            try address(instanceTask(1), mode: "bridge", host: machine).host(nil)
        }
        #expect(said?.hasPrefix("the address of mi-1 in Systems Manager is \"10.0.0.1:22\"; it") == true)
    }

    @Test(
        arguments: [
            (nil, "nothing is known of the instance"),
            (ECSHost(instanceID: "i-1"), "EC2 does not tell of i-1"),
            (ECSHost(instanceID: "mi-1"), "set the attribute narthex.address"),
            (ECSHost(instanceID: "mi-1", ssm: .init(id: "mi-1", address: "")), "has no address of mi-1"),
            (ECSHost(instanceID: "i-1", ec2: .init(id: "i-1")), "i-1 has no private address"),
        ] as [(ECSHost?, String)])
    func whatIsUnknownIsSaid(host: ECSHost?, reason: String) {
        let said = missing { () throws(ECSAddress.Missing) in
            try address(instanceTask(1), mode: "bridge", host: host).host(nil)
        }
        #expect(said?.contains(reason) == true, "\(said ?? "")")
    }

    @Test func tasksWithoutANetworkHaveNoAddress() {
        let said = missing { () throws(ECSAddress.Missing) in
            try address(instanceTask(1), mode: "none").host(nil)
        }
        #expect(said?.contains("network mode none") == true)
    }

    private func port(
        _ wanted: ECSEndpoint.Port, mode: String = "bridge", _ bindings: [Binding],
        mappings: [ECSTaskDefinition.PortMapping] = [], family: ECSSDConfiguration.AddressFamily = .ipv4
    ) throws(ECSAddress.Missing) -> Int {
        let task = instanceTask(1, bindings: bindings)
        return try address(task, mode: mode, family: family).port(
            wanted, task.containers[0], .init(name: "app", portMappings: mappings))
    }

    @Test func bridgedPortsAreLookedUpAmongTheBindings() throws {
        let bindings = [
            Binding(containerPorts: 53...53, hostPorts: 49_000...49_000, transport: "udp"),
            Binding(bindIP: "::", containerPorts: 9100...9100, hostPorts: 49_155...49_155),
            Binding(bindIP: "0.0.0.0", containerPorts: 9100...9100, hostPorts: 49_154...49_154),
            Binding(containerPorts: 8_000...8_010, hostPorts: 50_000...50_010, transport: "tcp"),
            Binding(bindIP: "127.0.0.1", containerPorts: 9999...9999, hostPorts: 49_200...49_200),
        ]
        #expect(try port(.number(9100), bindings) == 49_154)
        #expect(try port(.number(9100), bindings, family: .ipv6) == 49_155)
        #expect(try port(.number(8_003), bindings) == 50_003)
        #expect(try port(.number(50_007), bindings) == 50_007, "the host's own number")
        for unreachable in [53, 9999, 7] {
            #expect(
                missing { () throws(ECSAddress.Missing) in try port(.number(unreachable), bindings) } != nil)
        }
        #expect(try port(.number(7), mode: "host", []) == 7)
        #expect(try port(.number(7), mode: "awsvpc", []) == 7)
    }

    @Test func theOnlyPortIsFound() throws {
        let one = [
            Binding(bindIP: "0.0.0.0", containerPorts: 80...80, hostPorts: 49_154...49_154),
            Binding(bindIP: "::", containerPorts: 80...80, hostPorts: 49_154...49_154),
        ]
        #expect(try port(.only, one) == 49_154)
        let two = one + [Binding(containerPorts: 81...81, hostPorts: 49_156...49_156)]
        for bindings in [[], two] {
            let said = missing { () throws(ECSAddress.Missing) in try port(.only, bindings) }
            #expect(said?.contains("exactly one network binding") == true)
        }
        #expect(try port(.only, mode: "awsvpc", [], mappings: [.init(containerPort: 8080)]) == 8080)
        for (mappings, count) in [([], 0), ([.init(containerPorts: 8000...8010)], 11)]
            as [([ECSTaskDefinition.PortMapping], Int)]
        {
            let said = missing { () throws(ECSAddress.Missing) in
                try port(.only, mode: "awsvpc", [], mappings: mappings)
            }
            #expect(said?.hasSuffix("exactly one port mapping (it has \(count))") == true, "\(said ?? "")")
        }
    }
}
