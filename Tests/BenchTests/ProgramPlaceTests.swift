import Testing

@testable import narthex_bench

struct ProgramPlaceTests {
    @Test func aProgramThatMayBeExecutedHasNoFault() {
        #expect(ProgramPlace.fault("/bin/sh", path: "") == nil)
        #expect(ProgramPlace.fault("sh", path: "/nowhere:/bin") == nil)
    }

    @Test func whatCannotBeStartedIsSaid() {
        #expect(ProgramPlace.fault("/nowhere/agent", path: "/bin") == "/nowhere/agent: there is no such file")
        #expect(ProgramPlace.fault("/etc/passwd", path: "/bin") == "/etc/passwd: it may not be executed")
        #expect(ProgramPlace.fault("/bin/", path: "/bin") == "/bin/: it is no file")
        #expect(ProgramPlace.fault("sh", path: "/etc:/nowhere") == "sh: no folder of PATH has such a program")
    }
}
