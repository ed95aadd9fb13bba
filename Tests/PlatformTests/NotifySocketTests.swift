import Glibc
import TestSupport
import Testing

@testable import Platform

struct NotifySocketTests {
    @Test func linesAreThoseOfTheProtocol() {
        #expect(
            NotifySocket.text([.ready, .status("scraping"), .watchdog])
                == "READY=1\nSTATUS=scraping\nWATCHDOG=1")
        #expect(NotifySocket.text([.reloading(atUs: 12_345)]) == "RELOADING=1\nMONOTONIC_USEC=12345")
        #expect(
            NotifySocket.text([.stopping, .extendTimeout(us: 30_000_000)])
                == "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000")
    }

    @Test func aStatusIsOneLineWithinItsBound() {
        #expect(NotifySocket.text([.status("a\nREADY=1")]) == "STATUS=a\\nREADY=1")
        let long = NotifySocket.text([.status(String(repeating: "é", count: 4_000))])
        #expect(long.utf8.count <= 7 + NotifySocket.statusLimitBytes && long.utf8.count > 1_000)
        #expect(long.hasSuffix("é…"))
    }

    @Test func messagesReachASocketOfAPath() throws {
        let folder = try TemporaryFolder()
        let receiver = try NotifyReceiver("\(folder.path)/notify")
        let socket = try NotifySocket(receiver.variable)
        try socket.send([.ready])
        try socket.send([.watchdog])
        #expect(receiver.all() == ["READY=1", "WATCHDOG=1"])
    }

    @Test func messagesReachASocketOfTheAbstractNamespace() throws {
        let receiver = try NotifyReceiver("@narthex-test-\(getpid())")
        try NotifySocket(receiver.variable).send([.stopping])
        #expect(receiver.all() == ["STOPPING=1"])
    }

    @Test(arguments: [
        "", "/", "@", "notify", "vsock:2:1234", "/a\0b", "/" + String(repeating: "x", count: 108),
    ])
    func otherAddressesAreRefused(variable: String) {
        let fault = #expect(throws: NotifySocket.Fault.self) { try NotifySocket(variable) }
        #expect(fault?.message.contains("NOTIFY_SOCKET") == true && fault?.isForNow == false)
    }

    @Test func aSocketThatIsNotThereIsAFault() throws {
        let socket = try NotifySocket("/nonexistent/notify")
        let fault = #expect(throws: NotifySocket.Fault.self) { try socket.send([.ready]) }
        #expect(fault?.isForNow == false && fault?.message.contains("No such file") == true)
    }

    /// A process that has no file left to open has one in a moment.
    @Test(arguments: [EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE])
    func whatMendsItselfIsAFaultForNow(code: Int32) {
        #expect(NotifySocket.Fault(code: code).isForNow)
    }

    @Test func aManagerThatIsBehindIsAFaultForNow() throws {
        let folder = try TemporaryFolder()
        let receiver = try NotifyReceiver("\(folder.path)/notify")
        let socket = try NotifySocket(receiver.variable)
        var fault: NotifySocket.Fault?
        // The kernel's queue of a datagram socket holds net.unix.max_dgram_qlen messages, 10 or 512 mostly.
        for _ in 0..<100_000 where fault == nil {
            do throws(NotifySocket.Fault) { try socket.send([.watchdog]) } catch { fault = error }
        }
        #expect(fault?.isForNow == true)
    }
}
