/// Numbers as people read them.
enum ByteText {
    /// With the largest binary unit that leaves at least 1, as `--storage.agent.retention.max-size` takes
    /// them: `512MB`, `1.5GB`.
    static func text(_ bytes: UInt64) -> String {
        let units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1_024, unit + 1 < units.count {
            value /= 1_024
            unit += 1
        }
        return "\(decimal(value))\(units[unit])"
    }

    /// The number rounded to one decimal place, which is left out where it is zero.
    static func decimal(_ value: Double) -> String {
        guard value.magnitude < 1e15 else { return "\(value)" }
        let tenths = (value * 10).rounded()
        let whole = Int64((tenths / 10).rounded(.towardZero))
        let rest = Int64(tenths) - whole * 10
        return rest == 0 ? "\(whole)" : "\(value < 0 && whole == 0 ? "-" : "")\(whole).\(abs(rest))"
    }
}
