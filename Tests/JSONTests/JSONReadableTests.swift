import JSON
import Testing

@Suite struct JSONReadableTests {
    private func read<Value: JSONReadable>(
        _ text: String, _ type: Value.Type, _ rules: JSONRules = .strict
    ) throws(JSONError) -> Value {
        try JSONReader.read(type, from: Array(text.utf8), rules: rules)
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("-17", -17), ("9223372036854775807", Int.max), ("2e3", 2_000), ("2.50E1", 25),
        ("1.0", 1), ("-9223372036854775808", Int.min),
    ])
    func integersAreReadHoweverTheyAreWritten(text: String, value: Int) throws {
        #expect(try read(text, Int.self) == value)
        #expect(try read(text, Int64.self) == Int64(value))
    }

    @Test(arguments: [
        "9223372036854775808", "1.5", "1e300", "1e-1", "-1e19", "1e999", "-123456789012345678901",
    ])
    func whatIsNoIntegerOfTheRangeIsRefused(text: String) {
        let error = #expect(throws: JSONError.self) { try read(text, Int.self, .asGo) }
        #expect(
            error?.description
                == "1:1: an integer from -9223372036854775808 to 9223372036854775807 must stand here")
    }

    @Test func unsignedIntegersHaveTheirOwnRange() throws {
        #expect(try read("18446744073709551615", UInt64.self) == .max)
        for text in ["-1", "18446744073709551616", "0.1"] {
            #expect(throws: JSONError.self) { try read(text, UInt64.self) }
        }
    }

    @Test func listsAndMapsHoldWhatIsReadable() throws {
        #expect(try read("[[1],[]]", [[Int]].self) == [[1], []])
        #expect(try read(#"[{"a":"b"},{}]"#, [[String: String]].self) == [["a": "b"], [:]])
        #expect(try read(#"{"a":{"b":1}}"#, [String: [String: Int]].self) == ["a": ["b": 1]])
        let error = #expect(throws: JSONError.self) { try read(#"[[1],[2,"x"]]"#, [[Int]].self) }
        #expect(error?.description == "1:9: [1][1]: an integer must stand here and not a string")
    }
}
