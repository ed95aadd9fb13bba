import JSON
import StandIns
import Testing

@Suite struct ECSWorldJSONTests {
    /// As `POST /world` takes it: keys sorted, what is nil left out.
    @Test func everythingThatAWorldHoldsIsWritten() {
        var task = StandInTask(
            id: "t", definition: "web:3", service: "web", privateIPv4: "10.0.0.1", desiredStatus: "STOPPED",
            launchType: "EC2", instance: "ci", ipv6: "2001:db8::1",
            bindings: [.init(container: "app", containerPort: 9_100, hostPort: 49_154)], injected: ["agent"])
        task.publicIPv4 = "203.0.113.1"
        let machine = StandInInstance(
            id: "ci", machine: "i-1", address: "10.0.0.2", attributes: ["b": "2", "a": "1"])
        let container = StandInContainer(
            name: "app", image: "i", dockerLabels: ["y": "2", "x": "1"], ports: [9_100])
        let world = ECSWorld(
            clusters: [
                StandInCluster(name: "prod", tasks: [task], instances: [machine]),
                StandInCluster(
                    name: "small", tasks: [StandInTask(id: "u", definition: "web:3", privateIPv4: nil)]),
            ],
            definitions: [
                StandInTaskDefinition(
                    family: "web", revision: 3, containers: [container], networkMode: "bridge")
            ])
        let text =
            #"{"clusters":[{"instances":[{"address":"10.0.0.2","attributes":{"a":"1","b":"2"},"id":"ci","#
            + #""machine":"i-1"}],"name":"prod","tasks":[{"bindings":[{"container":"app","#
            + #""containerPort":9100,"hostPort":49154}],"definition":"web:3","desiredStatus":"STOPPED","#
            + #""id":"t","injected":["agent"],"instance":"ci","ipv6":"2001:db8::1","lastStatus":"RUNNING","#
            + #""launchType":"EC2","privateIPv4":"10.0.0.1","publicIPv4":"203.0.113.1","service":"web"}]},"#
            + #"{"name":"small","tasks":[{"definition":"web:3","desiredStatus":"RUNNING","id":"u","#
            + #""lastStatus":"RUNNING"}]}],"definitions":[{"containers":[{"dockerLabels":{"x":"1","y":"2"},"#
            + #""image":"i","name":"app","ports":[9100]}],"family":"web","networkMode":"bridge","#
            + #""revision":3}]}"#
        #expect(world.json.text() == text)
    }
}
