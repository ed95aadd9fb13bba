import MetricModel

/// One target group, in a configuration or in a file.
struct TargetGroupDecoder {
    let sink: ErrorSink
    let checksAddresses: Bool

    func group(_ node: YAMLNode) -> StaticConfiguration? {
        guard !node.isNull else {
            sink.report(node, "an empty target group; it needs targets")
            return nil
        }
        guard let reader = MappingReader(node, Schema.staticConfig, sink) else { return nil }
        let targets = reader.strings("targets", of: "host:port")
        if checksAddresses {
            for (text, place) in targets {
                if let problem = Checks.address(text) { sink.report(place, problem) }
            }
        }
        return StaticConfiguration(targets: targets.map(\.text), labels: Checks.labels(reader, "labels"))
    }
}
