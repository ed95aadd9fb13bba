import ArgumentParser
import Glibc
import Platform

struct Races: ParsableCommand {
    /// A mistake made on purpose, which a sanitizer must find.
    enum Mistake: String, ExpressibleByArgument, CaseIterable {
        /// Two threads count in one place without a lock.
        case race
        /// A read behind the end of an array.
        case overrun
    }

    static let configuration = CommandConfiguration(
        commandName: "races", abstract: "Tries all calls of the buffer at once, for the sanitizers.",
        discussion: """
            Two threads append, three send for each of two destinations, one keeps the buffer, one reloads \
            destinations and one looks at the books and metrics, on files in /dev/shm. In the end the books \
            close. script/sanitize builds this with the thread sanitizer and with the address sanitizer.
            """)

    @OptionGroup var common: PartArguments

    @Option(help: "Make a mistake on purpose: race or overrun. The sanitizer must end the program.")
    var mistake: Mistake?

    func run() throws {
        let seed = CaseTally.seed(common)
        var tally = CaseTally(part: "races", seed: seed)
        if let mistake {
            try make(mistake)
            tally.found("nobody has found the \(mistake.rawValue)")
            return try tally.end(common)
        }
        let seconds = common.seconds > 0 ? common.seconds : common.scale == .short ? 10 : 120
        let folder = "/dev/shm/narthex-races-\(getpid())"
        defer { Self.remove(folder) }
        let (rounds, problems) = try RaceCrew(folder: folder, seed: seed).work(seconds: seconds)
        for (what, count) in rounds { tally.count(what, count) }
        for problem in problems { tally.found(problem) }
        for what in ["append", "answered", "keep", "retire", "look"] where rounds[what] ?? 0 < 3 {
            tally.found("too few rounds of \(what)")
        }
        try tally.end(common)
    }

    private func make(_ mistake: Mistake) throws {
        switch mistake {
        case .race:
            // @unchecked: nothing guards it, on purpose.
            final class Place: @unchecked Sendable { var count = 0 }
            let place = Place()
            let ends = ConditionQueue<Int>()
            for _ in 0..<2 {
                try SystemThread.start(name: "racer") {
                    // So long that both of them run at once for certain.
                    for _ in 0..<200 {
                        place.count += 1
                        SystemThread.pause(ms: 1)
                    }
                    _ = ends.push(1)
                }
            }
            for _ in 0..<2 { _ = ends.pop() }
        case .overrun:
            // Safety: none. It is the mistake.
            let place = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
            unsafe place.initialize(repeating: 1, count: 16)
            let byte = unsafe place[16]
            print("the byte behind is \(byte)")
            unsafe place.deallocate()
        }
    }

    private static func remove(_ folder: String) {
        let files = POSIXFiles()
        // What is left is in /dev/shm, and bounded.
        for name in (try? files.list(folder)) ?? [] { try? files.remove("\(folder)/\(name)") }
        // Safety: the path lives through the call.
        unsafe rmdir(folder)
    }
}
