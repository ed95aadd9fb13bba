import Testing

@testable import Platform

@Suite struct ProcessArgumentsTests {
    @Test func theyAreThoseOfTheProcess() throws {
        // Nothing is preloaded here, so that Swift finds them as well.
        #expect(ProcessArguments.program == CommandLine.arguments[0])
        #expect(try ProcessArguments.words() == Array(CommandLine.arguments.dropFirst()))
    }

    @Test func anEmptyWordIsAWord() throws {
        #expect(
            try ProcessArguments.texts([Array("run".utf8), [], Array("ä=🔥".utf8)]) == ["run", "", "ä=🔥"])
        #expect(try ProcessArguments.texts([]) == [])
    }

    @Test(arguments: [
        (
            Array("--config.file=/x/".utf8) + [0xFF],
            "argument 2 (--config.file) is not valid UTF-8; write it in UTF-8"
        ),
        ([0xC3], "argument 2 is not valid UTF-8; write it in UTF-8"),
        (Array("secret".utf8) + [0xFF], "argument 2 is not valid UTF-8; write it in UTF-8"),
        ([0x2D, 0xFF, 0x3D], "argument 2 is not valid UTF-8; write it in UTF-8"),
    ])
    func aWordThatIsNoTextIsNamedAndNotShown(bytes: [UInt8], said: String) {
        let fault = #expect(throws: ProcessArguments.Fault.self) {
            try ProcessArguments.texts([Array("run".utf8), bytes])
        }
        #expect(fault?.description == said)
    }
}
