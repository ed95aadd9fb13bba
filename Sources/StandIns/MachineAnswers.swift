internal import JSON

/// EC2 and Systems Manager, as far as discovery asks them about the machines of a world.
struct MachineAnswers {
    let world: ECSWorld

    private var instances: [StandInInstance] { world.clusters.flatMap { $0.instances ?? [] } }

    /// EC2's DescribeInstances by a filter on ids or by ids; one id that is none of EC2's fails the call.
    func describeInstances(_ form: [(name: String, value: String)]) throws(ECSRefusal) -> String {
        let wanted = try wanted(form, "InstanceId.", filter: "instance-id")
        for id in wanted where !id.hasPrefix("i-") {
            throw ECSRefusal("InvalidInstanceID.Malformed", "Invalid id: \"\(id)\"")
        }
        let items = instances.filter { wanted.contains($0.machine) }.map { instance in
            "<item><instanceId>\(instance.machine)</instanceId>"
                + (instance.address.map { "<privateIpAddress>\($0)</privateIpAddress>" } ?? "")
                + "<instanceType>m7g.large</instanceType><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>"
                + "<tagSet><item><key>Name</key><value>node</value></item></tagSet></item>"
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>\
            <item><instancesSet>\(items.joined())</instancesSet></item></reservationSet>\
            </DescribeInstancesResponse>
            """
    }

    /// EC2's DescribeNetworkInterfaces, likewise.
    func describeNetworkInterfaces(_ form: [(name: String, value: String)]) throws(ECSRefusal) -> String {
        let wanted = try wanted(form, "NetworkInterfaceId.", filter: "network-interface-id")
        for id in wanted where !id.hasPrefix("eni-") {
            throw ECSRefusal("InvalidNetworkInterfaceID.NotFound", "Invalid id: \"\(id)\"")
        }
        let items = world.clusters.flatMap(\.tasks).filter { wanted.contains($0.interfaceID) }.map { task in
            "<item><networkInterfaceId>\(task.interfaceID)</networkInterfaceId><status>in-use</status>"
                + (task.privateIPv4.map { "<privateIpAddress>\($0)</privateIpAddress>" } ?? "")
                + (task.publicIPv4.map {
                    "<association><ipOwnerId>amazon</ipOwnerId><publicIp>\($0)</publicIp></association>"
                } ?? "") + "</item>"
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">\
            <networkInterfaceSet>\(items.joined())</networkInterfaceSet></DescribeNetworkInterfacesResponse>
            """
    }

    /// The ids asked for, as parameters or by a filter of at most 200 values.
    private func wanted(
        _ form: [(name: String, value: String)], _ parameter: String, filter: String
    ) throws(ECSRefusal) -> [String] {
        guard form.first(where: { $0.name == "Version" })?.value == "2016-11-15" else {
            throw ECSRefusal("InvalidParameterValue", "no version")
        }
        if let name = form.first(where: { $0.name == "Filter.1.Name" })?.value, name != filter {
            throw ECSRefusal("InvalidParameterValue", "The filter '\(name)' is invalid")
        }
        let wanted = form.filter { $0.name.hasPrefix(parameter) || $0.name.contains(".Value.") }.map(\.value)
        guard wanted.count <= 200 else { throw ECSRefusal("FilterLimitExceeded", "too many values") }
        return wanted
    }

    static func refusal(_ refusal: ECSRefusal) -> String {
        "<Response><Errors><Error><Code>\(refusal.type)</Code><Message>\(refusal.message)</Message></Error>"
            + "</Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
    }

    struct InformationRequest: JSONReadable {
        struct Filter: JSONReadable {
            let name: String
            let values: [String]

            init(json: JSONNode) throws(JSONMismatch) {
                let fields = try JSONFields(json)
                name = try fields.required("Key")
                values = try fields.required("Values")
            }
        }
        let filters: [Filter]?
        let maxResults: Int?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            filters = try fields.optional("Filters")
            maxResults = try fields.optional("MaxResults")
        }
    }

    /// Systems Manager's DescribeInstanceInformation; an id it does not know fails the call.
    func describeInstanceInformation(_ request: InformationRequest) throws(ECSRefusal) -> String {
        guard (5...50).contains(request.maxResults ?? 50) else {
            throw ECSRefusal("ValidationException", "MaxResults must be 5 to 50")
        }
        let managed = instances.filter { $0.machine.hasPrefix("mi-") }
        var wanted = Set(managed.map(\.machine))
        for filter in request.filters ?? [] where filter.name == "InstanceIds" {
            for id in filter.values where !wanted.contains(id) {
                throw ECSRefusal("InvalidInstanceId", "\(id) is not a managed instance of this account")
            }
            wanted.formIntersection(filter.values)
        }
        let list = managed.filter { wanted.contains($0.machine) }.map { instance in
            JSONValue.object([
                "ComputerName": .string("edge-\(instance.id)"),
                "IPAddress": instance.address.map { .string($0) }, "InstanceId": .string(instance.machine),
                "PingStatus": "Online", "ResourceType": "ManagedInstance",
            ])
        }
        return JSONValue.object(["InstanceInformationList": .array(list)]).text()
    }
}
