internal import CPlatform

/// Of what and when the program was built, as whoever built it said.
public enum BuildStamp {
    // Safety: both texts are constants of the program.

    /// The commit; nil where the builder did not set NARTHEX_COMMIT, as in a build by hand.
    public static var commit: String? { text(unsafe String(cString: narthex_commit())) }

    /// The day as `2026-11-29`; nil where there is no commit. A build with SOURCE_DATE_EPOCH has that day.
    public static var date: String? { text(unsafe String(cString: narthex_build_date())).flatMap(day) }

    private static func text(_ text: String) -> String? { text.isEmpty ? nil : text }

    /// The day in C's `__DATE__`, `Nov  9 2026`, in the order of ISO 8601; nil when it is not of that form.
    static func day(_ text: String) -> String? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = text.split(separator: " ")
        guard words.count == 3, let month = months.firstIndex(of: String(words[0])),
            let day = Int(words[1]), (1...31).contains(day), let year = Int(words[2]),
            (1_970...9_999).contains(year)
        else { return nil }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month + 1))-\(two(day))"
    }
}
