import Testing

@testable import HTTPTransport

#if canImport(Glibc)
import Glibc
#endif

struct SocketWatchTests {
    /// What a wait of `timeoutMs` reports, by descriptor.
    func happened(_ watch: SocketWatch, timeoutMs: Int32 = 0) -> [Int32: [Bool]] {
        var result: [Int32: [Bool]] = [:]
        let problem = watch.wait(timeoutMs: timeoutMs) { result[$0] = [$1, $2] }
        #expect(problem == nil)
        return result
    }

    @Test func socketsTellOnlyWhatTheyAreAskedFor() throws {
        let watch = try #require(SocketWatch())
        var pair: [Int32] = [-1, -1]
        // Safety: the kernel writes two descriptors.
        let made = unsafe pair.withUnsafeMutableBufferPointer {
            unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0.baseAddress)
        }
        try #require(made == 0)
        defer { for descriptor in pair { _ = close(descriptor) } }
        #expect(watch.set(pair[0], readable: true, writable: false) == nil)
        #expect(happened(watch) == [:])
        #expect(watch.set(pair[0], readable: true, writable: true) == nil)
        #expect(happened(watch) == [pair[0]: [false, true]])
        var byte: UInt8 = 1
        #expect(unsafe write(pair[1], &byte, 1) == 1)
        #expect(happened(watch) == [pair[0]: [true, true]])
        #expect(watch.remove(pair[0]) == nil)
        #expect(happened(watch) == [:])
        #expect(watch.remove(pair[0]) == nil)
    }

    /// Two sockets have events at once; the first event closes the other socket, and a new socket gets its
    /// descriptor.
    @Test func anEventOfAClosedSocketDoesNotReachTheNextOfItsDescriptor() throws {
        let watch = try #require(SocketWatch())
        var pairs: [[Int32]] = []
        for _ in 0..<3 {
            var pair: [Int32] = [-1, -1]
            // Safety: the kernel writes two descriptors.
            let made = unsafe pair.withUnsafeMutableBufferPointer {
                unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0.baseAddress)
            }
            try #require(made == 0)
            pairs.append(pair)
        }
        defer { for descriptor in pairs.joined() { _ = close(descriptor) } }
        let (first, second, quiet) = (pairs[0], pairs[1], pairs[2])
        var byte: UInt8 = 1
        for pair in [first, second] {
            #expect(watch.set(pair[0], readable: true, writable: false) == nil)
            #expect(unsafe write(pair[1], &byte, 1) == 1)
        }
        var told: [Int32] = []
        let problem = watch.wait(timeoutMs: 0) { descriptor, _, _ in
            told.append(descriptor)
            guard told.count == 1 else { return }
            let other = descriptor == first[0] ? second[0] : first[0]
            #expect(watch.remove(other) == nil)
            // Closes the other socket and gives its descriptor to one that has nothing to tell.
            #expect(dup2(quiet[0], other) == other)
            #expect(watch.set(other, readable: true, writable: false) == nil)
        }
        #expect(problem == nil)
        #expect(told.count == 1)
        // It is told of its own events.
        #expect(unsafe write(quiet[1], &byte, 1) == 1)
        #expect(happened(watch).count == 2)
    }

    @Test func aWakeEndsTheNextWaitOnce() throws {
        let watch = try #require(SocketWatch())
        #expect(watch.wake())
        #expect(watch.wake())
        #expect(happened(watch, timeoutMs: 60_000) == [:])
        #expect(happened(watch) == [:])
    }

    @Test func aDescriptorThatIsNoneIsAFault() throws {
        let watch = try #require(SocketWatch())
        #expect(watch.set(1_000_000, readable: true, writable: false) != nil)
    }
}
