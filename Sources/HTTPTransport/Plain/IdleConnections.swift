/// Plain connections that no request uses, by where they lead. Transfer thread only.
struct IdleConnections {
    private var kept: [PlainPlace: [PlainConnection]] = [:]

    var all: [PlainConnection] { Array(kept.values.joined()) }

    mutating func add(_ connection: PlainConnection) {
        kept[connection.place, default: []].append(connection)
    }

    /// The one that was used last.
    mutating func take(_ place: PlainPlace) -> PlainConnection? {
        guard let connection = kept[place]?.popLast() else { return nil }
        if kept[place]?.isEmpty == true { kept[place] = nil }
        return connection
    }

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
