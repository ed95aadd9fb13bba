import Platform
import Scrape
import Synchronization

@testable import Agent

/// A process whose memory a test sets, and jobs that remember what they were told.
final class FakeProcess: Sendable {
    struct Job: Sendable, Equatable {
        var series = 0
        var sheds = false
        var holds = false
        var label: WidestLabel?
        /// It has refused another sample each time that it is asked.
        var hasNewSeries = true
        var refused: UInt64 = 0
    }

    struct State {
        var usedBytes: UInt64 = 0
        /// Of these, in pages of the program.
        var fileBytes: UInt64 = 0
        var isReadable = true
        /// What giving memory back leaves.
        var usedAfterBytes: UInt64?
        var limitChanges = 0
        var relaxed = 0
        var givenBack = 0
        var jobs: [String: Job] = [:]
    }

    let state = Mutex(State())

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    var limitChanges: Int { state.withLock { $0.limitChanges } }
    var relaxed: Int { state.withLock { $0.relaxed } }
    var givenBack: Int { state.withLock { $0.givenBack } }
    var shedding: [String] { state.withLock { $0.jobs.filter(\.value.sheds).keys.sorted() } }
    var holding: [String] { state.withLock { $0.jobs.filter(\.value.holds).keys.sorted() } }

    func job(_ name: String) -> MemoryKeeper.Job {
        MemoryKeeper.Job(
            name: name, activeSeries: { self.state.withLock { $0.jobs[name]?.series ?? 0 } },
            refusedSamples: {
                self.state.withLock { state in
                    if state.jobs[name]?.hasNewSeries == true { state.jobs[name]?.refused += 1 }
                    return state.jobs[name]?.refused ?? 0
                }
            },
            widestLabel: { self.state.withLock { $0.jobs[name]?.label } },
            setShedsNewSeries: { sheds in self.set { $0.jobs[name]?.sheds = sheds } },
            setHoldsNewTargets: { holds in self.set { $0.jobs[name]?.holds = holds } })
    }

    var means: MemoryKeeper.Means {
        MemoryKeeper.Means(
            resident: {
                self.state.withLock { state in
                    guard state.isReadable else {
                        return .failure(FileError(operation: "open", path: "/proc", errno: 2, message: ""))
                    }
                    return .success(ResidentMemory(totalBytes: state.usedBytes, fileBytes: state.fileBytes))
                }
            }, jobs: { self.state.withLock { $0.jobs.keys.sorted() }.map(self.job) },
            bodiesLimitChanged: { self.set { $0.limitChanges += 1 } },
            relax: { self.set { $0.relaxed += 1 } },
            giveBack: {
                self.set { state in
                    state.givenBack += 1
                    if let after = state.usedAfterBytes { state.usedBytes = after }
                }
            })
    }
}
