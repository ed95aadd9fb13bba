import Configuration
import Testing

@testable import Discovery

@Suite struct ECSEndpointsTests {
    private func endpoints(_ labels: [String: String], dynamicOnly: Bool = false) -> ECSEndpoints {
        ECSEndpoints(labels, ECSDockerLabels.usual, dynamicOnly: dynamicOnly)
    }

    @Test func onePortWithEverything() {
        let made = endpoints([
            "PROMETHEUS_EXPORTER_PORT": "9100", "PROMETHEUS_EXPORTER_PATH": "/a,b",
            "PROMETHEUS_EXPORTER_SCHEME": "https", "PROMETHEUS_EXPORTER_JOB_NAME": "j",
            "PROMETHEUS_EXPORTER_SERVER_NAME": "h", "PROMETHEUS_EXPORTER_SCRAPE_INTERVAL": "15s", "x": "y",
        ])
        #expect(
            made.found == [
                ECSEndpoint(
                    port: .number(9100), path: "/a,b", scheme: "https", jobName: "j", serverName: "h",
                    interval: "15s")
            ])
        #expect(made.faults.isEmpty)
        #expect(endpoints([:]).found.isEmpty && endpoints([:]).faults.isEmpty)
    }

    @Test(arguments: [
        ("1ms", "1s", true), ("999ms", "1s", true), ("1s", "1s", false), ("500ms,30s", "1s", true),
        ("0", "0", false), ("soon", "soon", false),
    ])
    func noLabelAsksForMoreThanAScrapeASecond(text: String, interval: String, isSaid: Bool) {
        let made = endpoints([
            "PROMETHEUS_EXPORTER_PORT": text.contains(",") ? "1,2" : "1",
            "PROMETHEUS_EXPORTER_SCRAPE_INTERVAL": text,
        ])
        #expect(made.found.first?.interval == interval)
        #expect(made.remarks.contains { $0.contains("every 1s") } == isSaid, "\(made.remarks)")
        #expect(made.remarks.count <= 1 && made.faults.isEmpty)
    }

    @Test func suffixesNameFurtherEndpoints() {
        let made = endpoints([
            "PROMETHEUS_EXPORTER_PORT": "9100", "PROMETHEUS_EXPORTER_PATH": "/app",
            "PROMETHEUS_EXPORTER_JOB_NAME": "shop", "PROMETHEUS_EXPORTER_PORT.jmx": "9404",
            "PROMETHEUS_EXPORTER_PATH.jmx": "/jmx", "PROMETHEUS_EXPORTER_JOB_NAME.jmx": "shop-jmx",
            "PROMETHEUS_EXPORTER_PORT.1": "9200", "PROMETHEUS_EXPORTER_PORTS": "1",
        ])
        // A path is not inherited, a job is.
        #expect(
            made.found == [
                ECSEndpoint(port: .number(9100), path: "/app", jobName: "shop"),
                ECSEndpoint(name: "1", port: .number(9200), jobName: "shop"),
                ECSEndpoint(name: "jmx", port: .number(9404), path: "/jmx", jobName: "shop-jmx"),
            ])
    }

    @Test(
        arguments: [
            ("9100,9200", "/a,/b", ["/a", "/b"]), ("9100; 9200", "/a;/b", ["/a", "/b"]),
            ("9100,9200", "/a", ["/a", "/a"]), ("9100,9200", nil, [nil, nil]),
        ] as [(String, String?, [String?])])
    func listsOfPortsTakeListsOfPaths(ports: String, paths: String?, expected: [String?]) {
        var labels = ["PROMETHEUS_EXPORTER_PORT": ports]
        labels["PROMETHEUS_EXPORTER_PATH"] = paths
        let made = endpoints(labels)
        #expect(made.found.map(\.port) == [.number(9100), .number(9200)])
        #expect(made.found.map(\.path) == expected)
    }

    @Test func listsThatDoNotMatchAreFaults() {
        let made = endpoints([
            "PROMETHEUS_EXPORTER_PORT": "1,2,3", "PROMETHEUS_EXPORTER_PATH": "/a,/b",
        ])
        #expect(made.found.isEmpty)
        #expect(made.faults.count == 1 && made.faults[0].contains("lists 2 paths for 3 ports"))
    }

    @Test func oneBadPortOfAListCostsItself() {
        let made = endpoints(["PROMETHEUS_EXPORTER_PORT": "9100,nine,"])
        #expect(made.found.map(\.port) == [.number(9100)])
        #expect(made.faults.count == 1)
    }

    @Test(arguments: [
        ("", "empty"), ("0", "\"0\""), ("65536", "\"65536\""), ("-1", "\"-1\""), ("9100/tcp", "\"9100/tcp\""),
        ("９１００", "\"９１００\""), ("99999999999999999999", "\"99999999999999999999\""), ("+80", "\"+80\""),
        ("80\u{1b}", "\"80\\u001b\""),
        (String(repeating: "9", count: 99), "\"\(String(repeating: "9", count: 80))…\""),
    ])
    func impossiblePortsAreFaults(port: String, shown: String) {
        let made = endpoints(["PROMETHEUS_EXPORTER_PORT": port])
        #expect(made.found.isEmpty)
        #expect(
            made.faults == ["PROMETHEUS_EXPORTER_PORT is \(shown); it must be a port from 1 to 65535"])
    }

    @Test(arguments: ["edge.example:8080", "10.9.9.12:80", "https://edge.example", "[fd00::1]:80", "a b"])
    func aServerNameIsAHostWithoutAPort(name: String) {
        let made = endpoints([
            "PROMETHEUS_EXPORTER_PORT": "9100", "PROMETHEUS_EXPORTER_SERVER_NAME": name,
            "PROMETHEUS_EXPORTER_PORT.b": "9200", "PROMETHEUS_EXPORTER_SERVER_NAME.b": "[fd00::1]//",
            "PROMETHEUS_EXPORTER_PORT.c": "9300",
        ])
        #expect(made.found.map(\.serverName) == ["fd00::1"])
        #expect(
            made.faults == [
                "PROMETHEUS_EXPORTER_SERVER_NAME is \"\(name)\"; it must be a host name or an IP address"
                    + " without a port, because each target has a port of its own"
            ])
    }

    @Test func bothFamiliesOfLabelsAreRead() {
        let made = endpoints([
            "ECS_PROMETHEUS_EXPORTER_PORT": "9404", "ECS_PROMETHEUS_METRICS_PATH": "/m",
            "ECS_PROMETHEUS_JOB_NAME": "o", "PROMETHEUS_EXPORTER_PORT": "9404",
            "PROMETHEUS_EXPORTER_PATH": "/m",
        ])
        #expect(made.found.count == 1, "the same port and path is one endpoint")
        #expect(made.found.first?.jobName == nil)
    }

    @Test func dynamicExportStandsInForAPort() {
        #expect(endpoints(["PROMETHEUS_DYNAMIC_EXPORT": "1"]).found == [ECSEndpoint(port: .only)])
        #expect(endpoints(["PROMETHEUS_DYNAMIC_EXPORT": "0"]).found.isEmpty)
        let both = ["PROMETHEUS_DYNAMIC_EXPORT": "1", "PROMETHEUS_EXPORTER_PORT": "9100"]
        #expect(endpoints(both).found.map(\.port) == [.number(9100)])
        #expect(endpoints(both, dynamicOnly: true).found.map(\.port) == [.only])
        #expect(endpoints(["PROMETHEUS_EXPORTER_PORT": "9100"], dynamicOnly: true).found.isEmpty)
    }

    @Test func aListWithoutEndIsCut() {
        let ports = (1...1_000).map(String.init).joined(separator: ",")
        let made = endpoints(["PROMETHEUS_EXPORTER_PORT": ports])
        #expect(made.found.count == ECSEndpoints.limit && made.faults.count == 1)
    }

    /// A task definition may have 64 KiB, and a thousand tasks may run it.
    @Test func aLabelOfNothingButMistakesIsOneFault() {
        let commas = String(repeating: ",", count: 60_000)
        let made = endpoints(["PROMETHEUS_EXPORTER_PORT": "1,2" + commas])
        #expect(made.found.map(\.port) == [.number(1), .number(2)])
        #expect(
            made.faults == ["PROMETHEUS_EXPORTER_PORT has an empty item; it must be a port from 1 to 65535"])
        let labels = (0..<1_000).map { ("PROMETHEUS_EXPORTER_PORT.\($0)", "no port") }
        #expect(
            endpoints(Dictionary(uniqueKeysWithValues: labels)).faults.count == ECSEndpoints.limit)
    }
}
