import JSON
import Testing

@Suite struct JSONValueTests {
    private let value = JSONValue.object([
        "b": .array([.null, .bool(true), .integer(-7), .double(0.5), .array([]), .object([])]),
        "absent": nil, "a\"": .strings(["x\ny", "\u{202E}é😀"]), "c": false,
    ])

    @Test func compactTextHasNoSpace() {
        let expected = #"{"b":[null,true,-7,0.5,[],{}],"a\"":["x\ny","\u202eé😀"],"c":false}"#
        #expect(value.text() == expected)
        var text = "x="
        value.write(to: &text)
        #expect(text == "x=" + expected)
    }

    @Test func linesGoAsDeepAsAsked() {
        let none = #"{"b": [null, true, -7, 0.5, [], {}], "a\"": ["x\ny", "\u202eé😀"], "c": false}"#
        let one = """
            {
              "b": [null, true, -7, 0.5, [], {}],
              "a\\"": ["x\\ny", "\\u202eé😀"],
              "c": false
            }
            """
        let two = """
            {
              "b": [
                null,
                true,
                -7,
                0.5,
                [],
                {}
              ],
              "a\\"": [
                "x\\ny",
                "\\u202eé😀"
              ],
              "c": false
            }
            """
        #expect(value.text(.lines(depth: 0)) == none)
        #expect(value.text(.lines(depth: 1)) == one)
        #expect(value.text(.lines(depth: 2)) == two)
        #expect(value.text(.lines(depth: .max)) == two)
    }

    @Test(arguments: [JSONLayout.compact, .lines(depth: 1), .lines(depth: .max)])
    func whatIsWrittenIsReadBack(layout: JSONLayout) throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let value = Self.random(depth: 3, &generator)
            let read = try JSONReader.read(Array(value.text(layout).utf8))
            #expect(Self.value(read) == value)
        }
    }

    @Test func whatJSONHasNoNumberForIsAString() {
        let values = [Double.nan, .infinity, -.infinity, 2].map(JSONValue.double)
        #expect(JSONValue.array(values).text() == #"["NaN","+Inf","-Inf",2]"#)
    }

    private static func random(depth: Int, _ generator: inout SystemRandomNumberGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &generator))
        case 3:
            let value = Double(bitPattern: .random(in: 0 ... .max, using: &generator))
            return JSONNumber(value).map(JSONValue.number) ?? .null
        case 4: return .string(text(&generator))
        case 5:
            let count = Int.random(in: 0..<4, using: &generator)
            return .array((0..<count).map { _ in random(depth: depth - 1, &generator) })
        default:
            let count = Int.random(in: 0..<4, using: &generator)
            return .object(
                (0..<count).map { .init("\($0)" + text(&generator), random(depth: depth - 1, &generator)) })
        }
    }

    private static func text(_ generator: inout SystemRandomNumberGenerator) -> String {
        let count = Int.random(in: 0..<12, using: &generator)
        let scalars = (0..<count).compactMap { _ -> Unicode.Scalar? in
            let last: UInt32 = Bool.random(using: &generator) ? 0x7F : 0x1FFFF
            return Unicode.Scalar(UInt32.random(in: 0...last, using: &generator))
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// A node as a value.
    private static func value(_ node: JSONNode) -> JSONValue {
        switch node.content {
        case .null: .null
        case .bool(let value): .bool(value)
        case .number(let text): JSONNumber(text: text).map(JSONValue.number) ?? .null
        case .string(let text): .string(text)
        case .array(let items): .array(items.map(value))
        case .object(let members): .object(members.map { .init($0.key, value($0.value)) })
        }
    }
}
