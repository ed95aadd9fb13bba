import Testing

@testable import HTTPTransport

struct CurlSocketsTests {
    @Test func whatIsClosedInALaterCallThanItWasGivenUpIsIdle() {
        let sockets = CurlSockets()
        sockets.opened(7)
        sockets.opened(8)
        #expect(sockets.openCount == 2)
        sockets.beginCall()
        sockets.unwatched(7)
        sockets.unwatched(8)
        sockets.closing(7)
        #expect(sockets.takeIdleClosed() == 0, "its transfer has just ended")
        sockets.beginCall()
        sockets.closing(8)
        #expect(sockets.takeIdleClosed() == 1)
        #expect(sockets.takeIdleClosed() == 0)
        #expect(sockets.openCount == 0)
    }

    /// A connection that fails at once: nothing has waited for its socket.
    @Test func whatIsClosedInTheCallThatOpenedItIsNotIdle() {
        let sockets = CurlSockets()
        sockets.beginCall()
        sockets.opened(7)
        sockets.opened(8)
        sockets.closing(7)
        sockets.closing(8)
        #expect(sockets.takeIdleClosed() == 0)
        // The number is another socket's now, which goes the long way.
        sockets.opened(7)
        sockets.beginCall()
        sockets.beginCall()
        sockets.closing(7)
        #expect(sockets.takeIdleClosed() == 1)
    }

    /// A paused transfer is given up: nothing waits for its socket, which is not idle all the same.
    @Test func whatAGivenUpTransferClosesIsNotIdle() {
        let sockets = CurlSockets()
        sockets.opened(7)
        sockets.unwatched(7)
        sockets.beginCall()
        sockets.giveUp { sockets.closing(7) }
        #expect(sockets.takeIdleClosed() == 0)
        sockets.opened(7)
        sockets.beginCall()
        sockets.closing(7)
        #expect(sockets.takeIdleClosed() == 1)
    }
}
