import Platform
import Testing

@testable import Agent

struct MemoryReportTests {
    private var report: MemoryReport {
        MemoryReport(
            rows: [
                .init(kind: "bodies", bytes: 40, limitBytes: 100, how: .charged),
                .init(kind: "program", bytes: 50, how: .measured),
            ], resident: ResidentMemory(totalBytes: 120, fileBytes: 50), step: 0)
    }

    @Test func whatIsOfNoKindIsToldWithItsSign() {
        var report = report
        #expect(report.unaccountedBytes == 30)
        report.rows.append(.init(kind: "labels", bytes: 100, how: .estimated))
        #expect(report.unaccountedBytes == -70)
    }

    @Test func thePageHasTheShapeOfPrometheusAPI() {
        var report = report
        #expect(
            report.json
                == #"{"status":"success","data":{"residentBytes":120,"anonymousBytes":70,"#
                + #""ceilingBytes":0,"source":"none","step":0,"unaccountedBytes":30,"kinds":["#
                + #"{"kind":"bodies","bytes":40,"limitBytes":100,"how":"charged"},"#
                + #"{"kind":"program","bytes":50,"how":"measured"}]}}"#)
        report.ceiling = MemoryCeiling(bytes: 400, source: .cgroup)
        report.step = 4
        #expect(report.json.contains(#""ceilingBytes":400,"source":"cgroup","step":4,"#))
    }
}
