import JSON
import Testing

@testable import AWS

@Suite struct AWSJSONTests {
    /// Ten containers are as many as a task may have; ten bindings each are more than most have.
    @Test func aFullPageOfTasksPasses() throws {
        let binding =
            #"{"bindIP":"0.0.0.0","containerPort":8080,"hostPort":32768,"protocol":"tcp"}"#
        let bindings = Array(repeating: binding, count: 10).joined(separator: ",")
        let container = #"{"name":"app","cpu":"0","networkInterfaces":[],"networkBindings":[\#(bindings)]}"#
        let containers = Array(repeating: container, count: 10).joined(separator: ",")
        let task = #"{"taskArn":"t","version":3,"createdAt":1.7000000123E9,"containers":[\#(containers)]}"#
        let page = #"{"tasks":[\#(Array(repeating: task, count: 100).joined(separator: ","))],"failures":[]}"#
        let answer = try AWSJSON.read(ECSAnswer.DescribedTasks.self, from: Array(page.utf8))
        let tasks = try #require(answer.tasks).compactMap(\.value)
        #expect(tasks.count == 100)
        #expect(tasks.allSatisfy { $0.containers.count == 10 && $0.containers[9].bindings.count == 10 })
    }

    @Test func theNumberOfValuesIsBoundedByTheTextsLength() throws {
        func list(_ count: Int) -> [UInt8] {
            Array("[\(Array(repeating: "1", count: count).joined(separator: ","))]".utf8)
        }
        _ = try AWSJSON.read(list(1_000))
        let error = #expect(throws: JSONError.self) { try AWSJSON.read(list(100_000)) }
        #expect(error?.message == "more than 26000 values")
    }

    @Test func oddTextsAreReadAsGoReadsThem() throws {
        let root = try AWSJSON.read(Array(#"{"a":1,"a":"\ud83d","n":1e999}"#.utf8))
        #expect(root["a"]?.string == "\u{FFFD}")
        #expect(root["n"]?.number == nil)
    }
}
