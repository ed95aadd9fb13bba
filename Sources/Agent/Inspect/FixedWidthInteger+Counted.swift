extension FixedWidthInteger {
    /// The number and what it counts, for people: `1 segment`, `2 segments`.
    func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
