import JSON
import Testing

@testable import AWS

@Suite struct ECSDecodingTests {
    private func tasks(_ text: String) throws(JSONError) -> [ECSTask?]? {
        try AWSJSON.read(ECSAnswer.DescribedTasks.self, from: Array(text.utf8)).tasks?.map(\.value)
    }

    /// What an answer may have that is odd and costs nothing.
    @Test(arguments: [
        #"{"taskArn":"t","group":"g"}"#, #"{"taskArn":"first","group":"g","taskArn":"t"}"#,
        #"{"taskArn":"t","group":"g","group2":{"group":[1,{"x":null}]}}"#,
        #"{"taskArn":"t","group":"g","launchType":null,"containers":null,"tags":null}"#,
        #"{"taskArn":"t","group":"g","createdAt":1.7000000123E9,"version":1e999,"x":-0.0e-999}"#,
        #"{"\u0074askArn":"\u0074","group":"g","containers":[{"x":1},null,7,{"name":null}]}"#,
        #"{"taskArn":"t","group":"g","tags":[{"key":"k"},{"value":"v"},{},null,{"key":7,"value":"v"}]}"#,
    ])
    func odditiesCostNothing(task: String) throws {
        #expect(try tasks("{\"tasks\":[\(task)]}") == [ECSTask(arn: "t", group: "g")])
    }

    @Test func halfAPairInATagCostsItsCharacterAlone() throws {
        let task = #"{"taskArn":"t","tags":[{"key":"k","value":"a\ud83d"},{"key":"l","value":"b"}]}"#
        #expect(
            try tasks(#"{"tasks":[\#(task)]}"#)?.first??.tags == ["k": "a\u{FFFD}", "l": "b"])
    }

    /// Entries of the wrong kind cost themselves.
    @Test(arguments: [
        "7", "null", "[]", "{}", "true", "\"t\"", #"{"taskArn":null}"#, #"{"taskArn":{}}"#,
        #"{"taskArn":"t","group":7}"#, #"{"taskArn":"t","containers":{}}"#, #"{"taskArn":"t","tags":"x"}"#,
        #"{"taskArn":"t","containers":1e999}"#,
    ])
    func wrongKindsCostTheirEntry(task: String) throws {
        #expect(try tasks(#"{"tasks":[\#(task),{"taskArn":"u"}]}"#) == [nil, ECSTask(arn: "u")])
    }

    @Test(arguments: [
        (#"{"tasks":[{"taskArn":"t"}"#, "1:26: a comma or the array's ] must stand here"),
        (#"{"tasks":[{"taskArn":"t"#, "1:22: this string has no end"),
        (#"{"tasks":[{"taskArn":"t","createdAt":NaN}]}"#, "1:38: no JSON value begins with this character"),
        (#"{"tasks":[{"taskArn":"t"}]} {}"#, "1:29: the text goes on after its value"),
        (#"{"tasks":"secret"}"#, "1:10: tasks: an array must stand here and not a string"),
        (#"["tasks"]"#, "1:1: an object must stand here and not an array"),
        ("<html>", "1:1: no JSON value begins with this character"),
        (
            #"{"tasks":"# + String(repeating: "[", count: 100_000),
            "1:73: nested deeper than 64 levels"
        ),
    ])
    func whatIsNoAnswerIsAFaultWithItsPlace(text: String, description: String) {
        let error = #expect(throws: JSONError.self) { try tasks(text) }
        #expect(error?.description == description)
    }

    @Test func portsAreIntegersInTheirRange() throws {
        func ports(_ binding: String) throws -> [ECSTask.NetworkBinding]? {
            try tasks(
                #"{"tasks":[{"taskArn":"t","containers":[{"name":"a","networkBindings":[\#(binding)]}]}]}"#)?
                .first??.containers.first?.bindings
        }
        #expect(
            try ports(#"{"containerPort":8.08e3,"hostPort":80.0}"#)
                == [ECSTask.NetworkBinding(containerPorts: 8_080...8_080, hostPorts: 80...80)])
        for port in ["1e999", "-1", "0", "65536", "1.5", "99999999999999999999", "\"80\"", "null", "[]"] {
            #expect(try ports("{\"containerPort\":\(port),\"hostPort\":80}") == [])
        }
    }
}
