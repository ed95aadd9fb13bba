import Testing

@testable import Platform

struct ProgramPagesTests {
    @Test func onlyUnchangedReadOnlyMappingsOfFilesAreLetGo() {
        func mapping(_ line: String, anonymous: String = "0", swap: String = "0") -> String {
            """
            \(line)
            Size:               4420 kB
            Rss:                2900 kB
            Anonymous:      \(anonymous) kB
            Swap:           \(swap) kB
            VmFlags: rd ex mr mw me

            """
        }
        let smaps =
            mapping("55d0c0000000-55d0c1151000 r-xp 00000000 fe:00 1234  /usr/bin/narthex")
            + mapping("55d0c1151000-55d0c11d2000 r--p 01151000 fe:00 1234  /usr/bin/nx", anonymous: "632")
            + mapping("55d0c11d2000-55d0c1300000 rw-p 011d2000 fe:00 1234  /usr/bin/narthex")
            + mapping("7f0000000000-7f0000010000 rwxp 00000000 00:00 0  /tmp/jit")
            + mapping("7f0000010000-7f0000020000 r-xs 00000000 fe:00 99  /shared")
            + mapping("7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0  [vdso]")
            + mapping("7f0000030000-7f0000020000 r-xp 00000000 fe:00 99  /upside-down")
            + mapping("zz-11 r-xp 00000000 fe:00 99  /no/number")
            + mapping("7f0000040000-7f0000050000 r--p 00000000 fe:00 99  /lib/with a space.so")
            + mapping("7f0000050000-7f0000060000 r-xp 00000000 fe:00 99  /lib/swapped.so", swap: "4")
            + mapping("7f0000060000-7f0000070000 r-xp 00000000 fe:00 99  /lib/breakpoint.so", anonymous: "4")
            + "7f0000070000-7f0000080000 r-xp 00000000 fe:00 99  /lib/cut.so\nRss:  4 kB\n"
        var mappings = UnchangedMappings()
        for line in smaps.split(separator: "\n", omittingEmptySubsequences: false) {
            mappings.take(String(line))
        }
        #expect(
            mappings.end() == [
                0x55d0_c000_0000..<0x55d0_c115_1000, 0x7f00_0004_0000..<0x7f00_0005_0000,
            ])
    }

    @Test func pagesOfFilesThatWereWrittenToAreCounted() {
        var mappings = WrittenMappings()
        for line in [
            "55d0c1151000-55d0c11d2000 r--p 01151000 fe:00 1234  /usr/bin/nx", "Rss:  700 kB",
            "Anonymous:  632 kB", "55d0c11d2000-55d0c1300000 rw-p 011d2000 fe:00 1234  /usr/bin/nx",
            "Anonymous:  8 kB", "55d0c1300000-55d0c1400000 rw-p 00000000 00:00 0  [heap]",
            "Anonymous:  4000 kB", "7f0000000000-7f0000010000 rw-p 00000000 00:00 0", "Anonymous:  5000 kB",
            "7f0000050000-7f0000060000 r-xp 00000000 fe:00 99  /lib/a.so", "Anonymous:  -3 kB",
            "Anonymous:", "Anonymous:  many kB", "Anonymous:  99999999999999 kB", "", " ",
        ] {
            mappings.take(line)
        }
        #expect(mappings.bytes == 640 << 10)
        #expect(ProgramPages.writtenBytes(files: POSIXFiles()) > 0)
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
