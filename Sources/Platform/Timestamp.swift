/// Calendar arithmetic in UTC without Foundation.
public enum Timestamp {
    /// The fields of a moment in UTC.
    public struct Fields: Sendable, Equatable {
        public var year: Int
        public var month: Int
        public var day: Int
        public var hour: Int
        public var minute: Int
        public var second: Int
        public var millisecond: Int
        /// 0 is Sunday.
        public var weekday: Int
    }

    /// The UTC fields of `ms` milliseconds since 1970. Days to civil date after Howard Hinnant's algorithm.
    public static func fields(ms: Int64) -> Fields {
        let dayMs: Int64 = 86_400_000
        // Rounded towards the past, so that moments before 1970 have their own day; no step overflows.
        let remainder = ms % dayMs
        let days = ms / dayMs - (remainder < 0 ? 1 : 0)
        let inDay = Int(remainder < 0 ? remainder + dayMs : remainder)
        let shifted = Int(days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return Fields(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * monthIndex + 2) / 5 + 1,
            hour: inDay / 3_600_000, minute: inDay / 60_000 % 60, second: inDay / 1_000 % 60,
            millisecond: inDay % 1_000, weekday: ((Int(days) + 4) % 7 + 7) % 7)
    }

    /// Milliseconds since 1970 of a date and time in UTC.
    public static func ms(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
    ) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = Int64(era * 146_097 + dayOfEra - 719_468)
        return (days * 86_400 + Int64(hour * 3_600 + minute * 60 + second)) * 1_000
    }

    /// RFC 3339 with milliseconds: `2026-11-21T03:29:41.123Z`.
    public static func text(ms: Int64) -> String {
        let f = fields(ms: ms)
        return "\(pad(f.year, 4))-\(pad(f.month, 2))-\(pad(f.day, 2))"
            + "T\(pad(f.hour, 2)):\(pad(f.minute, 2)):\(pad(f.second, 2)).\(pad(f.millisecond, 3))Z"
    }

    /// ISO 8601 basic, as SigV4 wants it: `20261121T032941Z`.
    public static func basic(ms: Int64) -> String {
        let f = fields(ms: ms)
        return "\(pad(f.year, 4))\(pad(f.month, 2))\(pad(f.day, 2))"
            + "T\(pad(f.hour, 2))\(pad(f.minute, 2))\(pad(f.second, 2))Z"
    }

    /// An HTTP date (RFC 9110 §5.6.7): `Sat, 21 Nov 2026 03:29:41 GMT`.
    public static func httpDate(ms: Int64) -> String {
        let f = fields(ms: ms)
        return "\(weekdays[f.weekday]), \(pad(f.day, 2)) \(months[f.month - 1]) \(pad(f.year, 4)) "
            + "\(pad(f.hour, 2)):\(pad(f.minute, 2)):\(pad(f.second, 2)) GMT"
    }

    /// Milliseconds since 1970 of RFC 3339 text in UTC or with an offset (`2026-11-21T03:29:41Z`,
    /// `2026-11-21T03:29:41.5+01:00`), as AWS writes expiry times; nil when it is not of that form.
    public static func parseRFC3339(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        func digits(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        guard bytes.count >= 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54 || bytes[10] == 0x20,
            bytes[13] == 0x3A, bytes[16] == 0x3A, let year = digits(0..<4), let month = digits(5..<7),
            let day = digits(8..<10), let hour = digits(11..<13), let minute = digits(14..<16),
            let second = digits(17..<19), isDate(year, month, day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var result = ms(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        var index = 19
        if bytes[index] == 0x2E {
            var scale: Int64 = 100
            index += 1
            let first = index
            while index < bytes.count, let digit = digits(index..<index + 1) {
                result += Int64(digit) * scale
                scale /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case 0x5A where index + 1 == bytes.count: return result
        case 0x2B, 0x2D:
            guard bytes.count == index + 6, bytes[index + 3] == 0x3A,
                let hours = digits(index + 1..<index + 3),
                let minutes = digits(index + 4..<index + 6), hours < 24, minutes < 60
            else { return nil }
            let offset = Int64(hours * 60 + minutes) * 60_000
            return bytes[index] == 0x2B ? result - offset : result + offset
        default: return nil
        }
    }

    /// Milliseconds since 1970 of an HTTP date (`Sat, 21 Nov 2026 03:29:41 GMT`, RFC 9110 §5.6.7's fixed
    /// form).
    public static func parseHTTPDate(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), let year = Int(words[3]),
            let month = months.firstIndex(of: String(words[2]))
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard clock.count == 3, (1970...9999).contains(year), isDate(year, month + 1, day),
            (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        return ms(year: year, month: month + 1, day: day, hour: clock[0], minute: clock[1], second: clock[2])
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// True when the calendar has this day: 30 February reads as a day of March otherwise.
    private static func isDate(_ year: Int, _ month: Int, _ day: Int) -> Bool {
        guard (1...12).contains(month), (1...31).contains(day) else { return false }
        return fields(ms: ms(year: year, month: month, day: day)).day == day
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
