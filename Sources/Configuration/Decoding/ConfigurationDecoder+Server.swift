/// What the sections of a server's file need beyond being told of.
extension ConfigurationDecoder {
    /// Rules of these files are not evaluated: the warning says how many files that are.
    func countRules(_ reader: MappingReader) {
        guard case .sequence(let items) = reader.value("rule_files")?.content, !items.isEmpty else { return }
        let patterns = reader.strings("rule_files", of: "paths").map(\.text)
        let named = patterns.count == 1 ? "The pattern" : "The \(patterns.count) patterns"
        var sum: Int? = ruleFileCount == nil ? nil : 0
        for pattern in patterns {
            let count = ruleFileCount.flatMap { $0(FilePath.resolve(pattern, from: folder)) }
            sum = sum.flatMap { sum in count.map { sum + $0 } }
        }
        switch sum {
        case nil: sink.extendIgnored("rule_files", ". \(named) cannot be followed from here")
        case 0:
            sink.extendIgnored("rule_files", ". \(named) \(patterns.count == 1 ? "names" : "name") no file")
        case 1: sink.extendIgnored("rule_files", ". 1 file of rules is not evaluated")
        case .some(let sum): sink.extendIgnored("rule_files", ". \(sum) files of rules are not evaluated")
        }
    }

    /// By how much a sample may be older than the last one of its series, in milliseconds:
    /// `storage.tsdb.out_of_order_time_window`, which is for agents too.
    func outOfOrderWindowMs(_ reader: MappingReader) -> Int64 {
        guard let node = reader.value("storage"), let storage = MappingReader(node, Schema.storage, sink),
            let block = storage.value("tsdb"), let tsdb = MappingReader(block, Schema.tsdb, sink)
        else { return 0 }
        let key = "out_of_order_time_window"
        let windowMs = tsdb.durationMs(key, allowsZero: true) ?? 0
        if windowMs > 3_600_000 {
            sink.warn(
                tsdb.mark(key),
                "\(key): a sample of more than an hour before its scrape is left out and counted, whatever"
                    + " the window is; write 1h or less")
        }
        return windowMs
    }
}
