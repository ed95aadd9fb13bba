import MetricModel

/// Takes the lines that rules drop out of what a template has matched. Runs once for each chunk that has such
/// lines: moving the values together costs less than asking for each line whether it is kept.
enum DroppedLines {
    /// Where a chunk's part of the lists begins.
    struct Mark {
        let values: Int
        let timestamps: Int
        let exemplars: Int
    }

    /// `dropped` are indices of lines since `mark`, ascending; ordinals of timestamps and exemplars follow.
    static func remove(
        _ dropped: [UInt32], since mark: Mark, values: inout [Double],
        timestamps: inout [Frame.ExplicitTimestamp], exemplars: inout [ScrapedExemplar]
    ) {
        var write = mark.values + Int(dropped[0])
        for index in dropped.indices {
            let next = index + 1 < dropped.count ? mark.values + Int(dropped[index + 1]) : values.count
            for read in mark.values + Int(dropped[index]) + 1..<next {
                values[write] = values[read]
                write += 1
            }
        }
        values.removeLast(values.count - write)
        var passed = 0
        var kept = mark.timestamps
        for index in mark.timestamps..<timestamps.count {
            let timestamp = timestamps[index]
            guard
                let series = renumbered(timestamp.series, dropped, since: mark.values, passed: &passed)
            else { continue }
            timestamps[kept] = Frame.ExplicitTimestamp(series: series, timestampMs: timestamp.timestampMs)
            kept += 1
        }
        timestamps.removeLast(timestamps.count - kept)
        passed = 0
        kept = mark.exemplars
        for index in mark.exemplars..<exemplars.count {
            let exemplar = exemplars[index]
            guard let series = renumbered(exemplar.series, dropped, since: mark.values, passed: &passed)
            else {
                continue
            }
            exemplars[kept] = ScrapedExemplar(series: series, exemplar: exemplar.exemplar)
            kept += 1
        }
        exemplars.removeLast(exemplars.count - kept)
    }

    /// The dropped lines of a body made of `chunks`.
    static func of(_ chunks: [TemplateChunk]) -> [UInt32] {
        var result: [UInt32] = []
        var start: UInt32 = 0
        for chunk in chunks {
            for line in chunk.droppedLines { result.append(start + line) }
            start += UInt32(chunk.lineCount)
        }
        return result
    }

    /// Takes the elements at `dropped` out of a list with one for each line.
    static func remove<Element>(_ dropped: [UInt32], from list: inout [Element]) {
        guard list.count > Int(dropped[dropped.count - 1]) else { return }
        var write = 0
        var next = 0
        for read in list.indices {
            if next < dropped.count, Int(dropped[next]) == read {
                next += 1
            } else {
                list[write] = list[read]
                write += 1
            }
        }
        list.removeLast(list.count - write)
    }

    /// A side list, ascending by line, without the entries of dropped lines, renumbered.
    static func renumbered<Entry>(
        _ list: [Entry], without dropped: [UInt32], _ series: (Entry) -> UInt32,
        _ make: (Entry, UInt32) -> Entry
    ) -> [Entry] {
        var passed = 0
        return list.compactMap { entry in
            renumbered(series(entry), dropped, since: 0, passed: &passed).map { make(entry, $0) }
        }
    }

    /// The ordinal without the dropped lines before it; nil for a dropped one. Asked in ascending order.
    private static func renumbered(
        _ series: UInt32, _ dropped: [UInt32], since start: Int, passed: inout Int
    ) -> UInt32? {
        let line = series - UInt32(start)
        while passed < dropped.count, dropped[passed] < line { passed += 1 }
        if passed < dropped.count, dropped[passed] == line { return nil }
        return series - UInt32(passed)
    }
}
