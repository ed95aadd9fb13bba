import Platform
import Testing

@testable import WriteAheadBuffer

struct LockHolderTests {
    static let locks = """
        1: FLOCK  ADVISORY  WRITE 4711 fe:00:16246972 0 EOF
        2: POSIX  ADVISORY  WRITE 15845 fe:00:5999011 1073741824 1073742335
        3: FLOCK  ADVISORY  WRITE 12 fe:00:9 0 EOF
        3: -> FLOCK  ADVISORY  WRITE 13 fe:00:9 0 EOF
        4: FLOCK  ADVISORY  WRITE 0 fe:00:8 0 EOF
        5: FLOCK  ADVISORY  WRITE 21 fe:00:7 0 EOF
        6: FLOCK  ADVISORY  WRITE 22 fd:00:7 0 EOF
        7: FLOCK
        8: FLOCK  ADVISORY  WRITE 99999999999999999999 fe:00:6 0 EOF

        """

    @Test(
        arguments: [
            (16_246_972, 4711), (5_999_011, nil), (9, 12), (8, nil), (7, nil), (6, nil), (5, nil),
        ] as [(UInt64, Int?)])
    func oneHolderIsNamedAndNobodyIsGuessed(inode: UInt64, pid: Int?) {
        #expect(LockHolder.pid(in: Self.locks, inode: inode) == pid)
    }

    @Test func whatIsNotThereHasNoHolder() {
        #expect(LockHolder.pid(of: "/nonexistent/narthex.lock", files: POSIXFiles()) == nil)
    }
}
