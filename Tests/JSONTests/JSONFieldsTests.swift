import JSON
import Testing

@Suite struct JSONFieldsTests {
    private struct Port: JSONReadable, Equatable {
        let name: String
        let number: Int?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            name = try fields.required("name")
            number = try fields.optional("number")
        }
    }

    private struct Host: JSONReadable {
        let ports: [Port]
        let labels: [String: String]?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            ports = try fields.required("ports")
            labels = try fields.optional("labels")
        }
    }

    private func host(_ text: String) throws(JSONError) -> Host {
        try JSONReader.read(Host.self, from: Array(text.utf8))
    }

    @Test func membersAreReadByNameAndTheRestIsPassedOver() throws {
        let host = try host(
            """
            {"x":[{}],"ports":[{"name":"a","number":80,"y":{}},{"number":null,"name":"b"}],
            "labels":{"k":"v"}}
            """
        )
        #expect(host.ports.map(\.name) == ["a", "b"])
        #expect(host.ports.map(\.number) == [80, nil])
        #expect(host.labels == ["k": "v"])
        #expect(try self.host(#"{"ports":[],"labels":null}"#).labels == nil)
    }

    @Test func ofEqualMembersTheLastIsRead() throws {
        let text = Array(#"{"labels":{"k":"a","k":"b"},"ports":7,"ports":[]}"#.utf8)
        let host = try JSONReader.read(Host.self, from: text, rules: .asGo)
        #expect(host.ports.isEmpty && host.labels == ["k": "b"])
    }

    @Test(arguments: [
        ("[]", "1:1: an object must stand here and not an array"),
        ("{}", "1:1: the member ports is missing"),
        (#"{"ports":null}"#, "1:1: the member ports is missing"),
        (#"{"ports":"secret"}"#, "1:10: ports: an array must stand here and not a string"),
        ("{\"ports\":[\n {\"name\":\"a\"}, {}]}", "2:16: ports[1]: the member name is missing"),
        (#"{"ports":[{"name":{}}]}"#, "1:19: ports[0].name: a string must stand here and not an object"),
        (#"{"ports":[{"name":7}]}"#, "1:19: ports[0].name: a string must stand here and not a number"),
        (#"{"ports":[{"name":true}]}"#, "1:19: ports[0].name: a string must stand here and not a boolean"),
        (#"{"ports":[null]}"#, "1:11: ports[0]: an object must stand here and not null"),
        (
            #"{"ports":[{"name":"a","number":"7"}]}"#,
            "1:32: ports[0].number: an integer must stand here and not a string"
        ),
        (
            #"{"ports":[],"labels":{"a":"b","secret":7}}"#,
            "1:40: labels: a string must stand here and not a number"
        ),
        (#"{"ports":[]"#, "1:12: a comma or the object's } must stand here"),
    ])
    func faultsNameTheMemberAndThePlaceAndNoValue(text: String, description: String) {
        let error = #expect(throws: JSONError.self) { try host(text) }
        #expect(error?.description == description)
    }
}
