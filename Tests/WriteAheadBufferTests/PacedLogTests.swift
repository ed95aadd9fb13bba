import Logging
import Synchronization
import TestSupport
import Testing

@testable import WriteAheadBuffer

struct PacedLogTests {
    private let said = LogLines()
    private let clock = ManualClock()

    @Test func eachSentenceIsSaidAtOnceAndThenOnceAMinute() {
        let log = PacedLog(said.logger, clock: clock)
        for _ in 0..<3 { log.error("it fails", ["number": "1"]) }
        log.error("something else fails", [:])
        #expect(said.lines == ["error it fails number=1 times=1", "error something else fails times=1"])
        clock.advance(ms: 59_999)
        log.error("it fails", [:])
        #expect(said.lines.count == 2)
        clock.advance(ms: 1)
        log.error("it fails", ["number": "2"])
        #expect(said.lines.dropFirst(2) == ["error it fails number=2 times=4"])
        log.error("it fails", [:])
        #expect(said.lines.count == 3)
    }

    @Test func whatTheDiskRefusesIsNotSaidWhileThatIsHushed() {
        let log = PacedLog(said.logger, clock: clock)
        log.isHushed.store(true, ordering: .relaxed)
        log.error("the disk refuses", [:], isOfDisk: true)
        log.error("it fails", [:])
        #expect(said.lines == ["error it fails times=1"])
        log.isHushed.store(false, ordering: .relaxed)
        log.error("the disk refuses", [:], isOfDisk: true)
        #expect(said.lines.dropFirst() == ["error the disk refuses times=1"])
    }
}
