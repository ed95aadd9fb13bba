/// When this version of the program was made.
public enum SourceDate {
    /// The first day of the month of the last release: a machine whose clock shows an earlier time has a
    /// wrong clock. A constant, so that a build of the same source is the same program whenever it is made.
    /// Whoever makes a release sets it together with the version, as a test of the version says. One that is
    /// old finds fewer wrong clocks and does no harm.
    public static let ms = Timestamp.ms(year: 2026, month: 11, day: 1)
}
