import JSON
import StandIns
import Testing

@Suite struct ECSWorldTests {
    @Test func aWorldIsReadWithEverythingThatATestMaySay() throws {
        let text = """
            {"clusters":[{"name":"prod","tasks":[{"id":"t","definition":"web:3","service":"web",
            "privateIPv4":"10.0.0.1","lastStatus":"RUNNING","desiredStatus":"STOPPED","launchType":"EC2",
            "instance":"ci","ipv6":"2001:db8::1","publicIPv4":"203.0.113.1","bindings":[
            {"container":"app","containerPort":9100,"hostPort":49154}],"injected":["agent"]},
            {"id":"u","definition":"web:3","lastStatus":"PENDING","desiredStatus":"RUNNING","service":null}],
            "instances":[{"id":"ci","machine":"i-1","address":"10.0.0.2","attributes":{"a":"b"}},
            {"id":"cj","machine":"mi-1"}]},{"name":"empty","tasks":[]}],
            "definitions":[{"family":"web","revision":3,"networkMode":"bridge","containers":[
            {"name":"app","image":"i","dockerLabels":{"k":"v"},"ports":[9100]}]}]}
            """
        var task = StandInTask(
            id: "t", definition: "web:3", service: "web", privateIPv4: "10.0.0.1", desiredStatus: "STOPPED",
            launchType: "EC2", instance: "ci", ipv6: "2001:db8::1",
            bindings: [.init(container: "app", containerPort: 9_100, hostPort: 49_154)], injected: ["agent"])
        task.publicIPv4 = "203.0.113.1"
        let pending = StandInTask(id: "u", definition: "web:3", privateIPv4: nil, lastStatus: "PENDING")
        let world = ECSWorld(
            clusters: [
                StandInCluster(
                    name: "prod", tasks: [task, pending],
                    instances: [
                        StandInInstance(
                            id: "ci", machine: "i-1", address: "10.0.0.2", attributes: ["a": "b"]),
                        StandInInstance(id: "cj", machine: "mi-1", address: nil),
                    ]), StandInCluster(name: "empty"),
            ],
            definitions: [
                StandInTaskDefinition(
                    family: "web", revision: 3,
                    containers: [
                        StandInContainer(name: "app", image: "i", dockerLabels: ["k": "v"], ports: [9_100])
                    ], networkMode: "bridge")
            ])
        #expect(try JSONReader.read(ECSWorld.self, from: Array(text.utf8)) == world)
    }

    @Test func aWorldThatLacksSomethingIsRefusedWithThePlace() {
        let text = Array(#"{"clusters":[{"name":"prod","tasks":[{"id":"t"}]}],"definitions":[]}"#.utf8)
        let error = #expect(throws: JSONError.self) { try JSONReader.read(ECSWorld.self, from: text) }
        #expect(error?.description == "1:38: clusters[0].tasks[0]: the member definition is missing")
    }
}
