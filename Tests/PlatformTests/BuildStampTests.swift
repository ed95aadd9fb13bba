import Testing

@testable import Platform

struct BuildStampTests {
    @Test(arguments: [
        ("Nov  9 2026", "2026-11-09"), ("Jan 31 2027", "2027-01-31"), ("Dec  1 1999", "1999-12-01"),
    ])
    func theDayOfTheCompilerIsPutInOrder(text: String, day: String) {
        #expect(BuildStamp.day(text) == day)
    }

    /// What `__DATE__` is where a compiler does not know the day, and what no compiler says.
    @Test(arguments: ["??? ?? ????", "", "Nov 9", "Nov 32 2026", "nov 9 2026", "Nov 9 2026 x"])
    func anythingElseIsNoDay(text: String) {
        #expect(BuildStamp.day(text) == nil)
    }

    /// Tests are debug builds, which say neither.
    @Test func aBuildByHandSaysNothing() {
        #expect(BuildStamp.commit == nil)
        #expect(BuildStamp.date == nil)
    }
}
