internal import CCurl

#if canImport(Glibc)
import Glibc
#endif

/// Sockets waited for with epoll(7), level-triggered, and an eventfd that ends the wait. One thread waits and
/// sets; any thread wakes.
@safe final class SocketWatch: @unchecked Sendable {  // One thread uses it; any may `wake` it.
    // @unchecked: `wake` uses only a descriptor that never changes; the rest belongs to the waiting thread.
    private static let eventsAtOnce = 256

    private let epoll = narthex_epoll_create()
    private let event = narthex_eventfd_create()
    /// The descriptors waited for, each with the number that it got when it was added. The kernel gives the
    /// number of a closed descriptor to the next socket; the generation tells the two apart.
    private var watched: [Int32: UInt32] = [:]
    private var nextGeneration: UInt32 = 0
    private var ready = [narthex_ready](repeating: narthex_ready(), count: SocketWatch.eventsAtOnce)

    /// Nil when the kernel has no descriptor left.
    init?() {
        guard epoll >= 0, event >= 0, set(event, readable: true, writable: false) == nil else { return nil }
    }

    deinit {
        if event >= 0 { _ = close(event) }
        if epoll >= 0 { _ = close(epoll) }
    }

    /// Ends the wait that runs, or the next one. False when that could not be said.
    func wake() -> Bool { narthex_eventfd_signal(event) == 0 }

    /// Waits for these events of a descriptor from now on, and for no others. The text of a failure, or nil.
    func set(_ descriptor: Int32, readable: Bool, writable: Bool) -> String? {
        let known = watched[descriptor]
        let generation = known ?? nextGeneration
        if known == nil {
            watched[descriptor] = generation
            nextGeneration &+= 1
        }
        let status = narthex_epoll_set(
            epoll, descriptor, generation, readable ? 1 : 0, writable ? 1 : 0, known == nil ? 0 : 1)
        return status == 0 ? nil : "epoll_ctl: errno \(errno)"
    }

    /// Waits for the descriptor no more.
    func remove(_ descriptor: Int32) -> String? {
        guard watched.removeValue(forKey: descriptor) != nil else { return nil }
        return narthex_epoll_remove(epoll, descriptor) == 0 ? nil : "epoll_ctl: errno \(errno)"
    }

    /// Waits, then calls `act` for each descriptor with events. The text of a failure, or nil.
    func wait(timeoutMs: Int32, _ act: (_ descriptor: Int32, _ isReadable: Bool, _ isWritable: Bool) -> Void)
        -> String?
    {
        // Safety: the buffer is filled for at most its own length.
        let count = unsafe ready.withUnsafeMutableBufferPointer {
            unsafe narthex_epoll_wait(epoll, $0.baseAddress, Int32($0.count), timeoutMs)
        }
        guard count >= 0 else { return "epoll_wait: errno \(errno)" }
        for index in 0..<Int(count) {
            let happened = ready[index]
            if happened.descriptor == event {
                narthex_eventfd_take(event)
            } else if watched[happened.descriptor] == happened.generation {
                // Else an earlier event of this round ended the connection that this one is about. A new
                // connection may have its descriptor by now.
                act(happened.descriptor, happened.readable != 0, happened.writable != 0)
            }
        }
        return nil
    }
}
