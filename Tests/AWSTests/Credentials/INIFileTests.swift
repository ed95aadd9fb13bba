import Testing

@testable import AWS

struct INIFileTests {
    func parse(_ text: String) throws -> [String: [String: String]] { try INIFile(Array(text.utf8)).sections }

    @Test func sectionsKeysAndCommentsAreRead() throws {
        let text = """
            # comment
            [default]
            aws_access_key_id = AKID
            AWS_Secret_Access_Key=a=b:c #d
            ; comment
              # indented comment

            [profile "my one"]
            region: eu-west-1\r
            empty =
            """
        #expect(
            try parse(text) == [
                "default": ["aws_access_key_id": "AKID", "aws_secret_access_key": "a=b:c #d"],
                "profile \"my one\"": ["region": "eu-west-1", "empty": ""],
            ])
    }

    @Test func deeperLinesContinueAValue() throws {
        let text =
            "[default]\ns3 =\n  max = 1\n  min = 2\nregion = x\n[b]\n  indented = 1\n  too = 2\n    more\n"
        #expect(
            try parse(text) == [
                "default": ["s3": "\nmax = 1\nmin = 2", "region": "x"],
                "b": ["indented": "1", "too": "2\nmore"],
            ])
    }

    @Test func aByteOrderMarkAndNothingAreFine() throws {
        #expect(try parse("\u{FEFF}[a]\nb=1") == ["a": ["b": "1"]])
        #expect(try parse("") == [:])
        #expect(try parse("\n \n#\n") == [:])
    }

    @Test(arguments: [
        ("a=1\n", 1), ("[a]\nb\n", 2), ("[a]\n= 1\n", 2), ("[a]\n[b]\n[a]\n", 3), ("[a]\nb=1\nB=2\n", 3),
        ("[]\n", 1), ("[a\n", 1), ("\0\u{1}\u{2}", 1),
    ])
    func whatIsNoINIFileIsRefusedWithItsLine(text: String, line: Int) {
        do throws(INIFile.Fault) {
            _ = try INIFile(Array(text.utf8))
            Issue.record("accepted")
        } catch {
            #expect(error.line == line)
        }
    }

    @Test func aFaultDoesNotQuoteTheLine() {
        do throws(INIFile.Fault) {
            _ = try INIFile(Array("[a]\nhunter2\n".utf8))
            Issue.record("accepted")
        } catch {
            #expect(!error.message.contains("hunter2"))
        }
    }
}
