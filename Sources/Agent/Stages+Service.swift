import HTTPTransport
import Platform

/// What a service manager is told.
extension Stages {
    /// Goes once through the client's thread and asks for nothing there.
    private final class Passage: HTTPExchange {
        let passed = Event()

        func begin() -> HTTPRequest? {
            passed.signal()
            return nil
        }

        func end(_ result: Result<HTTPResponse, HTTPError>) {}
    }

    /// Returns once the thread that scrapes and sends has taken something up since the call, or when the task
    /// is cancelled. That the caller goes on then shows that Swift's own threads do. Workers and the buffer
    /// are left out on purpose: a disk that stands still holds them up, and no new start would mend it.
    func pulse() async {
        let passage = Passage()
        http.schedule(passage, atNs: 0)
        await passage.passed.wait()
    }

    /// One line for people that tells how the agent is. It takes the ledger's locks, so its return also shows
    /// that no thread holds these for good.
    func condition() -> String {
        let snapshot = snapshot()
        let up = snapshot.endpoints.count { $0.isUp == true }
        var line = "\(up) of \(snapshot.endpoints.count) targets up"
        for destination in snapshot.destinations {
            line += "; \(destination.name): \(destination.buffered) samples to send"
            if destination.buffered > 0, let error = destination.lastError { line += " (\(error))" }
        }
        return line
    }
}
