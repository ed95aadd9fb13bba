import Platform
import Testing

struct TimestampTests {
    struct Known: Sendable {
        let ms: Int64
        let text: String
        let weekday: Int
    }

    static let known = [
        Known(ms: 0, text: "1970-01-01T00:00:00.000Z", weekday: 4),
        Known(ms: -1, text: "1969-12-31T23:59:59.999Z", weekday: 3),
        Known(ms: -86_400_000, text: "1969-12-31T00:00:00.000Z", weekday: 3),
        Known(ms: 951_782_400_000, text: "2000-02-29T00:00:00.000Z", weekday: 2),
        Known(ms: 951_868_799_999, text: "2000-02-29T23:59:59.999Z", weekday: 2),
        Known(ms: 951_868_800_000, text: "2000-03-01T00:00:00.000Z", weekday: 3),
        Known(ms: 1_440_938_160_000, text: "2015-08-30T12:36:00.000Z", weekday: 0),
        Known(ms: 1_709_164_800_000, text: "2024-02-29T00:00:00.000Z", weekday: 4),
        Known(ms: 1_735_689_599_999, text: "2024-12-31T23:59:59.999Z", weekday: 2),
        Known(ms: 2_147_483_648_000, text: "2038-01-19T03:14:08.000Z", weekday: 2),
        Known(ms: 4_107_542_400_000, text: "2100-03-01T00:00:00.000Z", weekday: 1),
        Known(ms: 4_107_456_000_000, text: "2100-02-28T00:00:00.000Z", weekday: 0),
        Known(ms: 253_402_300_799_999, text: "9999-12-31T23:59:59.999Z", weekday: 5),
        Known(ms: -2_208_988_800_000, text: "1900-01-01T00:00:00.000Z", weekday: 1),
    ]

    @Test(arguments: known) func datesAreKnown(known: Known) {
        #expect(Timestamp.text(ms: known.ms) == known.text)
        #expect(Timestamp.fields(ms: known.ms).weekday == known.weekday)
        #expect(Timestamp.parseRFC3339(known.text) == known.ms)
    }

    @Test func everyDayOfEightHundredYearsGoesThereAndBack() {
        var expected = Timestamp.fields(ms: Timestamp.ms(year: 1_600, month: 1, day: 1))
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let firstMs = Timestamp.ms(year: 1_600, month: 1, day: 1)
        for day in 0..<292_194 {
            let ms = firstMs + Int64(day) * 86_400_000
            let fields = Timestamp.fields(ms: ms + 86_399_999)
            guard fields.year == expected.year, fields.month == expected.month, fields.day == expected.day,
                fields.weekday == expected.weekday,
                Timestamp.ms(year: fields.year, month: fields.month, day: fields.day) == ms
            else {
                Issue.record("day \(day): \(fields), expected \(expected)")
                return
            }
            let leap = expected.year % 4 == 0 && (expected.year % 100 != 0 || expected.year % 400 == 0)
            expected.weekday = (expected.weekday + 1) % 7
            expected.day += 1
            if expected.day > lengths[expected.month - 1] + (leap && expected.month == 2 ? 1 : 0) {
                expected.day = 1
                expected.month += 1
            }
            if expected.month > 12 {
                expected.month = 1
                expected.year += 1
            }
        }
    }

    @Test(arguments: [Int64.min, .max, .min + 1, -86_399_999]) func extremesDoNotTrap(ms: Int64) {
        let fields = Timestamp.fields(ms: ms)
        #expect((0..<24).contains(fields.hour))
        #expect((0..<1_000).contains(fields.millisecond))
    }

    @Test func basicIsWhatSigV4Wants() {
        #expect(Timestamp.basic(ms: 1_440_938_160_999) == "20150830T123600Z")
    }

    @Test(
        arguments: [
            ("2026-11-21T03:29:41Z", 1_795_231_781_000), ("2026-11-21T03:29:41.5+01:00", 1_795_228_181_500),
            ("2026-11-21T03:29:41.123456789-00:30", 1_795_233_581_123),
            ("2026-11-21 03:29:41Z", 1_795_231_781_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] as [(String, Int64)])
    func readsRFC3339(text: String, ms: Int64) {
        #expect(Timestamp.parseRFC3339(text) == ms)
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-11-21T03:29:41", "2026-11-21T03:29:41.", "2026-11-21T03:29:41.Z",
        "2026-13-21T03:29:41Z", "2026-00-21T03:29:41Z", "2026-02-30T03:29:41Z", "2025-02-29T03:29:41Z",
        "2026-11-00T03:29:41Z", "2026-11-21T24:29:41Z", "2026-11-21T03:60:41Z", "2026-11-21T03:29:61Z",
        "2026-11-21T03:29:41Zx", "2026-11-21T03:29:41+1:00", "2026-11-21T03:29:41+99:00",
        "2026-11-21T03:29:41+00:99", "x026-11-21T03:29:41Z", "२०२६-11-21T03:29:41Z", "2026-11-21T03:29:41.12",
    ])
    func refusesWhatIsNoRFC3339(text: String) {
        #expect(Timestamp.parseRFC3339(text) == nil)
    }

    @Test func writesHTTPDates() {
        #expect(Timestamp.httpDate(ms: 784_111_777_999) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(Timestamp.httpDate(ms: 1_795_231_781_000) == "Sat, 21 Nov 2026 03:29:41 GMT")
    }

    @Test func readsHTTPDates() {
        #expect(Timestamp.parseHTTPDate("Sat, 21 Nov 2026 03:29:41 GMT") == 1_795_231_781_000)
        #expect(Timestamp.parseHTTPDate("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777_000)
    }

    @Test(arguments: [
        "", "120", "Sat, 21 Nov 2026 03:29:41", "Sat, 21 Nov 2026 03:29:41 CET",
        "Sat, 31 Feb 2026 03:29:41 GMT",
        "Sat, 21 Xxx 2026 03:29:41 GMT", "Sat, 21 Nov 2026 03:29:x:41 GMT", "Sat, 21 Nov 2026 25:29:41 GMT",
        "Sat, 21 Nov 2026 03::29:41 GMT", "Sat, 0 Nov 2026 03:29:41 GMT", "Sat, 21 Nov 99999 03:29:41 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
    func refusesWhatIsNoHTTPDate(text: String) {
        #expect(Timestamp.parseHTTPDate(text) == nil)
    }
}
