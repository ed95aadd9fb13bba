import Logging
import Platform
import TestSupport
import Testing

@testable import Telemetry

struct LogOutputTests {
    let clock = ManualClock(wallMs: 1_440_938_160_123)

    private func line(
        _ message: String, level: Logger.Level = .info, format: LogFormat = .logfmt,
        metadata: Logger.Metadata? = nil, own: Logger.Metadata = [:]
    ) -> String {
        var handler = LineLogHandler(label: "scrape", level: .trace, format: format, clock: clock)
        handler.metadata = own
        return handler.line(level: level, message: message, metadata: metadata)
    }

    @Test func logfmtHasPrometheusKeysInItsOrder() {
        #expect(
            line("started", metadata: ["b": "2", "a": "1 and a half"])
                == "time=2015-08-30T12:36:00.123Z level=INFO source=scrape msg=started "
                + "a=\"1 and a half\" b=2\n"
        )
    }

    @Test func jsonIsOneObject() {
        #expect(
            line("it's \"on\"", level: .warning, format: .json, metadata: ["target": "http://x/\\"])
                == "{\"time\":\"2015-08-30T12:36:00.123Z\",\"level\":\"WARN\",\"source\":\"scrape\","
                + "\"msg\":\"it's \\\"on\\\"\",\"target\":\"http://x/\\\\\"}\n")
    }

    @Test func jsonHasNumbersForWhatIsLoggedAsNumbers() {
        let metadata: Logger.Metadata = [
            "bytes": .stringConvertible(UInt64.max), "lag": .stringConvertible(-1.5), "name": "12",
            "none": .stringConvertible(Double.infinity), "other": .stringConvertible(true),
        ]
        #expect(
            line("x", format: .json, metadata: metadata).hasSuffix(
                "\"msg\":\"x\",\"bytes\":18446744073709551615,\"lag\":-1.5,\"name\":\"12\","
                    + "\"none\":\"+Inf\",\"other\":\"true\"}\n"))
        #expect(line("x", metadata: metadata).contains("bytes=18446744073709551615 lag=-1.5 name=12"))
    }

    @Test(
        arguments: [
            (.trace, "DEBUG"), (.debug, "DEBUG"), (.info, "INFO"), (.notice, "INFO"), (.warning, "WARN"),
            (.error, "ERROR"), (.critical, "ERROR"),
        ] as [(Logger.Level, String)])
    func levelsAreThoseOfPrometheus(level: Logger.Level, name: String) {
        #expect(line("x", level: level).contains(" level=\(name) "))
    }

    @Test(
        arguments: [
            "a\nlevel=ERROR msg=forged", "a\r\nb", "\u{1B}[2Jcleared", "\u{9B}2Jcleared", "tab\there",
            "nul\u{0}",
            "\"quoted\"", "a=b", "back\\slash", "", " ", "ü😀\u{202E}", "\u{7F}", "\u{2028}",
        ], LogFormat.allCases)
    func hostileMessagesStayOneLineWithoutControls(message: String, format: LogFormat) {
        let text = line(message, format: format)
        #expect(text.hasSuffix("\n"))
        let controls = text.unicodeScalars.dropLast().filter {
            $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
        }
        #expect(controls.isEmpty)
        if format == .logfmt {
            // What has an `=` or a space of its own is quoted, so it cannot begin another field.
            let plain = message.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3D }
            #expect(text.contains("msg=\"") == (!plain || message.isEmpty))
        }
    }

    @Test func hostileKeysCannotBeginAnotherField() {
        let text = line("x", metadata: ["a b=c\"\n": "1", "": "2", "ü": "3"])
        #expect(text.hasSuffix(" msg=x _=2 a_b_c__=1 _=3\n"))
    }

    @Test func callersMetadataWinsOverTheLoggers() {
        #expect(
            line("x", metadata: ["job": "new"], own: ["job": "old", "k": "v"]).hasSuffix(
                "msg=x job=new k=v\n"))
    }

    @Test func nestedMetadataIsQuoted() {
        let text = line("x", metadata: ["list": .array(["a", "b c"]), "none": .stringConvertible(5)])
        #expect(text.contains(" none=5\n"))
        #expect(text.contains(" list=\""))
    }

    @Test func anErrorBecomesAField() {
        struct Broken: Error, CustomStringConvertible { let description = "pipe is broken" }
        let handler = LineLogHandler(label: "s", level: .info, format: .logfmt, clock: clock)
        let event = LogEvent(
            level: .error, message: "x", error: Broken(), metadata: ["a": "1"], source: nil, file: "",
            function: "",
            line: 0)
        #expect(handler.line(of: event).hasSuffix(" msg=x a=1 err=\"pipe is broken\"\n"))
    }

    @Test func metadataIsKeptByKey() {
        var handler = LineLogHandler(label: "s", level: .info, format: .logfmt, clock: clock)
        handler[metadataKey: "a"] = "1"
        #expect(handler[metadataKey: "a"] == "1")
        handler[metadataKey: "a"] = nil
        #expect(handler.line(level: .info, message: "x", metadata: nil).hasSuffix("msg=x\n"))
    }
}
