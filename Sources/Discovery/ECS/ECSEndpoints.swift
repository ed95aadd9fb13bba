import Configuration

/// One endpoint that a container asks to be scraped at.
struct ECSEndpoint: Equatable {
    enum Port: Equatable {
        /// The container's.
        case number(Int)
        /// The only one that it has.
        case only
    }

    /// What tells it from the container's others in the labels; nil for the plain one.
    var name: String?
    var port: Port
    var path: String?
    var scheme: String?
    var jobName: String?
    var serverName: String?
    var interval: String?
}

/// Reads the endpoints from a container's docker labels.
struct ECSEndpoints {
    /// More than any container exports; a label's list is not a way to make a thousand targets.
    static let limit = 50
    static let shortestIntervalMs: Int64 = 1_000

    private(set) var found: [ECSEndpoint] = []
    /// In sentences.
    private(set) var faults: [String] = []
    /// What is found and not as it asks, in sentences.
    private(set) var remarks: [String] = []

    init(_ labels: [String: String], _ names: [ECSDockerLabels], dynamicOnly: Bool) {
        for set in names {
            let isDynamic = set.dynamic.flatMap { labels[$0] }.map { ["1", "true"].contains($0) } ?? false
            if dynamicOnly || (isDynamic && labels[set.port] == nil) {
                if isDynamic { add(labels, set, suffix: "", ports: nil) }
                if dynamicOnly { continue }
            }
            if let ports = labels[set.port] { add(labels, set, suffix: "", ports: ports) }
            let suffixed = labels.keys.filter { $0.hasPrefix(set.port + ".") }.sorted()
            for key in suffixed {
                add(labels, set, suffix: String(key.dropFirst(set.port.count)), ports: labels[key] ?? "")
            }
        }
        if found.count > Self.limit {
            fault("more than \(Self.limit) endpoints in one container; the first \(Self.limit) are taken")
            found = Array(found.prefix(Self.limit))
        }
    }

    /// The endpoints of one port label; `ports` nil stands for the container's only port.
    private mutating func add(
        _ labels: [String: String], _ set: ECSDockerLabels, suffix: String, ports: String?
    ) {
        func value(_ name: String?, inherits: Bool = true) -> String? {
            guard let name else { return nil }
            let own = labels[name + suffix]
            return inherits ? own ?? labels[name] : own
        }
        /// The label that an inheriting value comes from.
        func label(_ name: String?) -> String {
            let own = (name ?? "") + suffix
            return labels[own] == nil ? name ?? "" : own
        }
        let texts = ports.map { Self.items($0) } ?? [""]
        // Another endpoint has another path; a job, a host and an interval are likely to be the same.
        let fields = [
            value(set.path, inherits: suffix.isEmpty), value(set.scheme, inherits: suffix.isEmpty),
            value(set.jobName), value(set.serverName), value(set.interval),
        ]
        let lists = fields.map { $0.map { Self.aligned($0, count: texts.count) } }
        if let path = fields[0], texts.count > 1, lists[0]?.count == 1, Self.items(path).count > 1 {
            fault(
                "\(set.path ?? "")\(suffix) lists \(Self.items(path).count) paths for \(texts.count) ports;"
                    + " give one for each, or one for all")
            return
        }
        // One fault a label, whatever its list holds.
        var hasPortFault = false
        for (index, text) in texts.enumerated() where found.count <= Self.limit {
            func item(_ field: Int) -> String? {
                lists[field].map { $0[$0.count == 1 ? 0 : index] }.flatMap { $0.isEmpty ? nil : $0 }
            }
            guard let port = ports == nil ? .only : Self.port(text).map(ECSEndpoint.Port.number) else {
                if !hasPortFault {
                    fault(Self.portFault(text, of: set.port + suffix, isItem: texts.count > 1))
                }
                hasPortFault = true
                continue
            }
            let server = Self.withoutSlashes(item(3))
            let host = server.flatMap(ECSHostName.read)
            if let server, host == nil {
                fault(ECSHostName.fault(server, in: label(set.serverName)))
                continue
            }
            let endpoint = ECSEndpoint(
                name: suffix.isEmpty ? nil : String(suffix.dropFirst()), port: port, path: item(0),
                scheme: item(1), jobName: item(2), serverName: host,
                interval: item(4).map { bounded($0, label(set.interval)) })
            if !found.contains(where: { $0.port == endpoint.port && $0.path == endpoint.path }) {
                found.append(endpoint)
            }
        }
    }

    /// A list of a thousand mistakes is one.
    private mutating func fault(_ text: String) {
        if !faults.contains(text), faults.count < Self.limit { faults.append(text) }
    }

    /// Whoever writes a container's labels is not whoever pays for what is scraped and shipped.
    private mutating func bounded(_ interval: String, _ label: String) -> String {
        guard let ms = PrometheusDuration.parse(interval), ms > 0, ms < Self.shortestIntervalMs else {
            return interval
        }
        let remark = "\(label) is \(interval); it is scraped every 1s, the shortest that a label may ask for"
        if !remarks.contains(remark) { remarks.append(remark) }
        return "1s"
    }

    private static func portFault(_ text: String, of label: String, isItem: Bool) -> String {
        let what =
            switch (text.isEmpty, isItem) {
            case (true, true): "has an empty item"
            case (true, false): "is empty"
            case (false, true): "has the item \(ECSHostName.quoted(text))"
            case (false, false): "is \(ECSHostName.quoted(text))"
            }
        return "\(label) \(what); it must be a port from 1 to 65535"
    }

    /// teralytics takes the slashes off the end of a server name.
    private static func withoutSlashes(_ name: String?) -> String? {
        guard var name = name.map({ Substring($0) }) else { return nil }
        while name.hasSuffix("/") { name.removeLast() }
        return name.isEmpty ? nil : String(name)
    }

    /// As many as there are ports, or the one for all of them.
    private static func aligned(_ text: String, count: Int) -> [String] {
        let items = items(text)
        return count > 1 && items.count == count ? items : [text]
    }

    /// `9100,9200`, or with semicolons as the CloudWatch agent has it.
    private static func items(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0 == "," || $0 == ";" }.map { item in
            let rest = item.drop { $0 == " " }
            return String(rest.reversed().drop { $0 == " " }.reversed())
        }
    }

    static func port(_ text: String) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text),
            (1...65_535).contains(port)
        else { return nil }
        return port
    }
}
