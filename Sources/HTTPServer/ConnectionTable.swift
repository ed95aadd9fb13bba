internal import NIOCore
import Synchronization

/// The open connections of one server.
final class ConnectionTable: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var closed = false
        var statistics = ServerStatistics()
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Takes a connection in; false when there are too many or the server is stopping.
    func admit(_ channel: any Channel) -> Bool {
        state.withLock { state in
            guard !state.closed, state.channels.count < limit else {
                state.statistics.refused += 1
                return false
            }
            state.statistics.accepted += 1
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel) {
        state.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
    }

    /// Admits nobody any more and returns who is there.
    func close() -> [any Channel] {
        state.withLock { state in
            state.closed = true
            return Array(state.channels.values)
        }
    }

    enum Event { case request, malformed, timeout }

    func count(_ event: Event) {
        state.withLock { state in
            switch event {
            case .request: state.statistics.requests += 1
            case .malformed: state.statistics.malformed += 1
            case .timeout: state.statistics.timeouts += 1
            }
        }
    }

    var statistics: ServerStatistics {
        state.withLock { state in
            var result = state.statistics
            result.connections = state.channels.count
            return result
        }
    }
}
