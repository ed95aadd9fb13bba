/// Plain connections that no request uses, by where they lead. Transfer thread only.
struct IdleConnections {
    private var kept: [PlainPlace: [PlainConnection]] = [:]

    /// All of them, which are gone from here.
    mutating func takeAll() -> [PlainConnection] {
        defer { kept = [:] }
        return Array(kept.values.joined())
    }

    /// Those that have idled for so long. Places that have had none since the last call are forgotten.
    mutating func idled(forMs ms: Int64, nowNs: UInt64) -> [PlainConnection] {
        kept = kept.filter { !$0.value.isEmpty }
        return kept.values.joined().filter { $0.hasIdled(forMs: ms, nowNs: nowNs) }
    }

    mutating func add(_ connection: PlainConnection) {
        kept[connection.place, default: []].append(connection)
    }

    /// The one that was used last. The place's array stays, as the connection mostly comes back soon.
    mutating func take(_ place: PlainPlace) -> PlainConnection? { kept[place]?.popLast() }

    mutating func remove(_ connection: PlainConnection) {
        guard let others = kept[connection.place]?.filter({ $0 !== connection }) else { return }
        kept[connection.place] = others.isEmpty ? nil : others
    }
}

extension PlainConnection {
    /// Whether the connection, which is idle, has been so for that long.
    func hasIdled(forMs ms: Int64, nowNs: UInt64) -> Bool {
        (nowNs - min(nowNs, idleSinceNs)) / 1_000_000 >= UInt64(max(0, ms))
    }
}
