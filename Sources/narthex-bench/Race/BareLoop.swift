internal import CBareLoop
import Platform

#if canImport(Glibc)
import Glibc
#endif

/// The scrapes of a fleet by libcurl alone: one thread, its multi interface, bodies thrown away as they come.
struct BareLoop {
    let urls: [String]
    /// How many of them, the last ones, are told to answer with another status than 200.
    let failing: Int
    let intervalSeconds: Double
    let seconds: Double
    /// Whether gzip is asked for, which nobody inflates here.
    let takesGzip: Bool

    /// Pages, bytes and CPU seconds of the measured time.
    struct Figures {
        let pages: UInt64
        let bytes: UInt64
        let cpuSeconds: Double
    }

    /// Takes an interval longer than `seconds`, on a thread of its own. Throws when the race is interrupted,
    /// within a second of it.
    func run(until interruption: RaceInterruption) async throws -> Figures {
        let loop = self
        let result: narthex_bare_loop_result? = try await withCheckedThrowingContinuation { waiting in
            do {
                try SystemThread.start(name: "bare-loop") {
                    waiting.resume(returning: loop.runHere(until: interruption))
                }
            } catch {
                waiting.resume(throwing: error)
            }
        }
        try interruption.check()
        guard let result, result.pages > 0, result.failures == 0 else {
            throw BenchError(
                "the bare libcurl loop had \(result?.pages ?? 0) pages and \(result?.failures ?? 0) failures")
        }
        return Figures(pages: result.pages, bytes: result.bytes, cpuSeconds: result.cpu_seconds)
    }

    private func runHere(until interruption: RaceInterruption) -> narthex_bare_loop_result? {
        var result = narthex_bare_loop_result()
        // Safety: the copies end with a null, live through the call, and are freed once, here.
        let copies = unsafe urls.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        let pointers = unsafe copies.map { unsafe UnsafePointer($0) }
        let status = unsafe pointers.withUnsafeBufferPointer { list in
            unsafe narthex_bare_loop(
                list.baseAddress, list.count, max(0, failing), intervalSeconds, seconds,
                takesGzip ? "gzip" : nil,
                { context in
                    // Safety: the interruption that is kept alive below.
                    guard let context = unsafe context else { return 0 }
                    let interruption = unsafe Unmanaged<RaceInterruption>.fromOpaque(context)
                        .takeUnretainedValue()
                    return interruption.hasCome ? 0 : 1
                }, Unmanaged.passUnretained(interruption).toOpaque(), &result)
        }
        withExtendedLifetime(interruption) {}
        return status == 0 ? result : nil
    }
}
