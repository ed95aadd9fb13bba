import Testing

@testable import Platform

struct ProgramPagesTests {
    @Test func onlyCodeOfFilesIsLetGo() {
        let maps = """
            55d0c0000000-55d0c1151000 r-xp 00000000 fe:00 1234                       /usr/bin/narthex
            55d0c1151000-55d0c11d2000 r--p 01151000 fe:00 1234                       /usr/bin/narthex
            55d0c11d2000-55d0c1300000 rw-p 011d2000 fe:00 1234                       /usr/bin/narthex
            7f0000000000-7f0000010000 rwxp 00000000 00:00 0                          /tmp/jit
            7f0000010000-7f0000020000 r-xs 00000000 fe:00 99                         /shared
            7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
            7f0000030000-7f0000020000 r-xp 00000000 fe:00 99                         /upside-down
            zz-11 r-xp 00000000 fe:00 99                                             /no/number
            short
            7f0000040000-7f0000050000 r-xp 00000000 fe:00 99                         /lib/with a space.so
            """
        #expect(
            ProgramPages.codeRanges(maps) == [
                0x55d0_c000_0000..<0x55d0_c115_1000, 0x7f00_0004_0000..<0x7f00_0005_0000,
            ])
    }

    @Test func theProgramGoesOn() throws {
        let files = POSIXFiles()
        let released = ProgramPages.release(files: files)
        #expect(released > 1 << 20, "the tests' own program is larger than that")
        let status = String(
            decoding: try files.contents(of: "/proc/self/status", limitBytes: 65_536), as: UTF8.self)
        #expect(status.contains("VmRSS"))
    }
}
