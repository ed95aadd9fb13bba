import JSON
import Testing

@testable import HTTPAccess

@Suite struct TokenAnswerTests {
    @Test func whatMattersIsRead() throws {
        let text =
            #" {"x":[{"a":[1,-2.5e3,null,true]},"\u00e4\ud83d\ude00"],"access_token":"a\/b\"","#
            + #""token_type":"MAC","expires_in":59.5} "#
        let answer = try TokenAnswer(Array(text.utf8))
        #expect(answer.accessToken == "a/b\"" && answer.tokenType == "MAC" && answer.lifeSeconds == 59.5)
        #expect(try TokenAnswer(Array(#"{"error":"bad\nthing"}"#.utf8)).error == "bad?thing")
        #expect(try TokenAnswer(Array(#"{"expires_in":"60"}"#.utf8)).lifeSeconds == 60)
    }

    @Test(arguments: [
        "", "[]", "{", "{\"a\":1", "{\"a\" 1}", "{a:1}", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\ud83d\\u0041", "{\"a\":tru}", "{\"a\":\"b", "nul", "{\"a\":\"\\q\"}", "{\"a\":+1}",
        "{\"access_token\":\"a\",\"access_token\":\"b\"}",
    ])
    func whatIsNoObjectIsRefused(text: String) {
        #expect(throws: JSONError.self) { try TokenAnswer(Array(text.utf8)) }
    }

    @Test func depthAndRandomBytesAreSurvived() {
        let deep = "{\"a\":" + String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try TokenAnswer(Array(deep.utf8)) }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let count = Int.random(in: 0..<60, using: &generator)
            // Most of these are refused, which the other tests look at.
            let alphabet = Array("{}[]\",:\\u0de19.eE-truefalsn \n".utf8)
            _ = try? TokenAnswer((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 })
            _ = try? TokenAnswer((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
    }
}
