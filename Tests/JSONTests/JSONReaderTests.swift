import Testing

@testable import JSON

@Suite struct JSONReaderTests {
    private func read(_ text: String) throws(JSONError) -> JSONNode { try JSONReader.read(Array(text.utf8)) }

    @Test func everyKindOfValueIsReadWithItsPlace() throws {
        let root = try read("{\"a\": [1, -2.5e3, true, false, null],\n \"b\": {\"c\": \"d\"}}")
        let numbers: [JSONNode] = [
            JSONNode(.number("1"), offset: 7), JSONNode(.number("-2.5e3"), offset: 10),
            JSONNode(.bool(true), offset: 18), JSONNode(.bool(false), offset: 24),
            JSONNode(.null, offset: 31),
        ]
        #expect(root["a"] == JSONNode(.array(numbers), offset: 6))
        #expect(root["b"]?["c"]?.string == "d")
        #expect(numbers[1].number == -2_500)
        #expect(root["x"] == nil && root["a"]?["b"] == nil && root.string == nil && root.number == nil)
    }

    @Test(arguments: [
        (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\uD83D\uDE00\u0000""#, "é😀\0"),
        (#""é😀""#, "é😀"), ("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"), (#""""#, ""),
    ])
    func stringsAreUnescaped(text: String, value: String) throws {
        #expect(try read(text).string == value)
    }

    @Test(arguments: [
        "0", "-0", "10", "1.5", "1e5", "1E+5", "1e-400", "123456789012345678901234567890", "-0.0e0",
    ])
    func numbersAreKeptAsTheyAreWritten(text: String) throws {
        #expect(try read(" \(text)\r\n").content == .number(text))
    }

    @Test(arguments: [
        ("", "1:1: the text ends where a value must stand"),
        ("{\"a\":1}x", "1:8: the text goes on after its value"),
        ("{\"a\":1}\0", "1:8: the text goes on after its value"),
        ("\0", "1:1: no JSON value begins with this character"),
        ("+1", "1:1: no JSON value begins with this character"),
        ("\u{FEFF}{}", "1:1: no JSON value begins with this character"),
        ("[\n 1,\n]", "3:1: no JSON value begins with this character"),
        ("nul", "1:1: only true, false and null are words"),
        ("{a:1}", "1:2: an object's key in double quotes must stand here"),
        ("{\"a\":1,}", "1:8: an object's key in double quotes must stand here"),
        ("{\"a\" 1}", "1:6: a colon must stand after a key"),
        ("{\"a\":1", "1:7: a comma or the object's } must stand here"),
        ("[1 2]", "1:4: a comma or the array's ] must stand here"),
        ("{\"é\":1,\n \"b\":{\"é\":2},\"é\":3}", "2:14: this key stands twice in its object"),
        ("{\"a\":1,\"\\u0061\":2}", "1:8: this key stands twice in its object"),
        ("1.", "1:3: a digit must stand here"), ("-", "1:2: a digit must stand here"),
        ("01", "1:2: the text goes on after its value"), ("1e+", "1:4: a digit must stand here"),
        ("[1e999]", "1:2: this number is larger than a double can be"),
        ("\"a", "1:1: this string has no end"), ("\"a\\", "1:3: JSON has no such escape"),
        ("\"a\nb\"", "1:3: a control character in a string must be escaped"),
        ("\"a\0\"", "1:3: a control character in a string must be escaped"),
        ("\"\\q\"", "1:2: JSON has no such escape"),
        ("\"\\u12\"", "1:2: \\u and four hexadecimal digits must stand here"),
        ("\"\\u+123\"", "1:2: \\u and four hexadecimal digits must stand here"),
        ("\"\\ud83d\"", "1:2: half a surrogate pair stands alone"),
        ("\"\\ud83dx\\ude00\"", "1:2: half a surrogate pair stands alone"),
        ("\"\\ud83d\\u0041\"", "1:2: half a surrogate pair stands alone"),
        ("\"x\\ude00\"", "1:3: half a surrogate pair stands alone"),
    ])
    func faultsHaveAPlace(text: String, description: String) {
        let error = #expect(throws: JSONError.self) { try read(text) }
        #expect(error?.description == description)
    }

    @Test(arguments: [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80]])
    func bytesThatAreNotUTF8AreRefused(bytes: [UInt8]) {
        let quoted = Array("[\"".utf8) + bytes + Array("\"]".utf8)
        let error = #expect(throws: JSONError.self) { try JSONReader.read(quoted) }
        #expect(error?.description == "1:2: this string is not UTF-8")
    }

    @Test func goTakesWhatIsStrictlyRefused() throws {
        func read(_ text: String) throws(JSONError) -> JSONNode {
            try JSONReader.read(Array(text.utf8), rules: .asGo)
        }
        let root = try read(#" {"a":1,"b":2,"\u0061":3}"#)
        guard case .object(let members) = root.content else { return #expect(Bool(false)) }
        #expect(members.map(\.key) == ["a", "b", "a"] && members.map(\.offset) == [2, 8, 14])
        #expect(root["a"]?.number == 3)
        for (text, value) in [
            (#""\ud83d""#, "\u{FFFD}"), (#""x\ude00y""#, "x\u{FFFD}y"), (#""\ud83dx""#, "\u{FFFD}x"),
            (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (#""\ud83d\n""#, "\u{FFFD}\n"),
        ] {
            #expect(try read(text).string == value)
        }
        #expect(
            try JSONReader.read([0x22, 0xFF, 0xC0, 0x79, 0x22], rules: .asGo).string == "\u{FFFD}\u{FFFD}y")
        // The form is as strict.
        for text in [
            "{a:1}", "[1,]", "[1] x", "\"a\tb\"", #""\q""#, #""\ud83d\u12""#, "01", "\u{FEFF}[]", "", "'a'",
        ] {
            #expect(throws: JSONError.self) { try read(text) }
        }
    }

    @Test func depthAndNumberAreBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try read(nested(64))
        let deep = #expect(throws: JSONError.self) { try read(nested(65)) }
        #expect(deep?.description == "1:65: nested deeper than 64 levels")
        #expect(throws: JSONError.self) { try read(String(repeating: "{\"a\":[", count: 100_000)) }
        let many = #expect(throws: JSONError.self) {
            try JSONReader.read(Array("[1,2,3]".utf8), nodeLimit: 3)
        }
        #expect(many?.description == "1:6: more than 3 values")
    }

    /// What Go's encoding/json takes and the strict reader refuses.
    @Test(arguments: [
        (#""\ud83d""#, "\u{FFFD}"), (#""x\ude00y""#, "x\u{FFFD}y"),
        (#""\ud83dx\ude00""#, "\u{FFFD}x\u{FFFD}"),
        (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
        (#""\ud83d\n""#, "\u{FFFD}\n"),
    ])
    func asGoHalfASurrogatePairIsReplaced(text: String, value: String) throws {
        #expect(throws: JSONError.self) { try read(text) }
        #expect(try JSONReader.read(Array(text.utf8), rules: .asGo).string == value)
    }

    @Test func asGoTheLastOfEqualKeysCounts() throws {
        let root = try JSONReader.read(Array(#" {"a":1,"b":2,"\u0061":3}"#.utf8), rules: .asGo)
        guard case .object(let members) = root.content else {
            Issue.record("no object")
            return
        }
        #expect(members.map(\.key) == ["a", "b", "a"] && members.map(\.offset) == [2, 8, 14])
        #expect(root["a"]?.number == 3)
    }

    @Test func asGoANumberMayBeLargerThanADouble() throws {
        for text in ["1e999", "-1e999", String(repeating: "9", count: 400)] {
            #expect(throws: JSONError.self) { try read(text) }
            let node = try JSONReader.read(Array(text.utf8), rules: .asGo)
            #expect(node.content == .number(text))
            #expect(node.number == nil)
        }
    }

    @Test(arguments: [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80]])
    func asGoBytesThatAreNotUTF8AreReplaced(bytes: [UInt8]) throws {
        let quoted = Array("\"a".utf8) + bytes + Array("\\u0062\"".utf8)
        let text = try #require(try JSONReader.read(quoted, rules: .asGo).string)
        #expect(text.hasPrefix("a\u{FFFD}") && text.hasSuffix("\u{FFFD}b"))
    }

    @Test(arguments: [
        "", "NaN", "[NaN]", "[Infinity]", "[-Infinity]", "[1,]", "{\"a\":1,}", "{'a':1}", "{a:1}", "[01]",
        "[1] x", "// c\n1", "\"\\ud83\"", "\"\\ud83d\\u12\"", "\"a\nb\"", "tru", "\u{FEFF}1",
    ])
    func goTakesNoOtherForm(text: String) {
        #expect(throws: JSONError.self) { try JSONReader.read(Array(text.utf8), rules: .asGo) }
    }

    /// A text with every kind of value, changed in a few places: what is read of it has its bounds, and
    /// nothing traps. Both readers agree on what both take.
    @Test func changedTextsAreSurvived() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: Int) -> Int {
            // Knuth's MMIX generator; its high bits are the good ones.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let original = Array(
            #"""
            {"a":[1,-2.5e3,true,false,null,"\u00e9\uD83D\uDE00\n\\","é😀"],"b":{"c":{"d":[[],{},[{}]]}},
             "e":1.7000000123E9,"f":"","g":123456789012345678901234567890,"a2":"x"}
            """#.utf8)
        let pieces = [
            "\"", "\\", "\\u", "\\ud83d", "{", "}", "[", "]", ",", ":", "e", "9", "\0", "-", "null",
        ]
        .map { Array($0.utf8) }
        var taken = 0
        for round in 0..<4_000 {
            var text = original
            for _ in 0...random(4) {
                let place = random(text.count + 1)
                switch random(5) {
                case 0: text.insert(contentsOf: pieces[random(pieces.count)], at: place)
                case 1: if place < text.count { text[place] = UInt8(random(256)) }
                case 2: if place < text.count { text.remove(at: place) }
                case 3: text.removeSubrange(min(place, text.count - 1)..<min(place + random(9), text.count))
                default: text.insert(contentsOf: text[place..<min(place + random(30), text.count)], at: place)
                }
                if text.isEmpty { text = original }
            }
            let asGo = try? JSONReader.read(text, nodeLimit: 40, rules: .asGo)
            guard let strict = try? JSONReader.read(text, nodeLimit: 40) else { continue }
            taken += 1
            #expect(strict == asGo, "seed \(seed), round \(round)")
        }
        #expect(taken > 0, "seed \(seed): no change left the text whole")
    }

    @Test func randomBytesAreSurvived() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("{}[]\",:\\u0de19.eE-truefalsn \n".utf8)
        for _ in 0..<2_000 {
            let count = Int.random(in: 0..<60, using: &generator)
            // Most of these are refused, which the other tests look at.
            _ = try? JSONReader.read((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 })
            _ = try? JSONReader.read((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
    }
}
