import Platform
import Testing

struct CommandWordsTests {
    @Test(arguments: [
        ("", []), ("   ", []), ("a b", ["a", "b"]), ("  a\t b\n", ["a", "b"]),
        ("/bin/x --a='b c' \"d e\"", ["/bin/x", "--a=b c", "d e"]),
        ("a\\ b 'it'\\''s' \"\"", ["a b", "it's", ""]),
        ("\"a\\\"b\\\\c\\d\" 'e\\f'", ["a\"b\\c\\d", "e\\f"]), ("é'ü'", ["éü"]),
        // Nothing is expanded and nothing is run.
        ("$HOME `id` a;b | c > d", ["$HOME", "`id`", "a;b", "|", "c", ">", "d"]),
    ])
    func wordsAreCutAsAShellDoes(line: String, words: [String]) {
        #expect(CommandWords.split(line) == words)
    }

    @Test(arguments: ["a 'b", "a \"b", "a\\", "\"\\"])
    func anOpenEndIsRefused(line: String) { #expect(CommandWords.split(line) == nil) }
}
