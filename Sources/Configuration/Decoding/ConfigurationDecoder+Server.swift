/// What the sections of a server's file need beyond being told of.
extension ConfigurationDecoder {
    func checkServer(_ reader: MappingReader) {
        countRules(reader)
        checkTimeWindow(reader)
    }

    /// How many files of rules there are is what the user loses.
    private func countRules(_ reader: MappingReader) {
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

    /// In Prometheus' agent mode this lets samples be stored that are older than their series' last one.
    private func checkTimeWindow(_ reader: MappingReader) {
        guard let storage = reader.value("storage")?.entry("tsdb"),
            let window = storage.entry("out_of_order_time_window"),
            !HarmlessValue.zeroDuration.includes(window)
        else { return }
        sink.report(
            window,
            "out_of_order_time_window above 0s lets an agent store samples that are older than the last one"
                + " of their series, which Narthex drops and counts as out_of_order; remove it. Amazon"
                + " Managed Service for Prometheus has a window of its own")
    }
}
