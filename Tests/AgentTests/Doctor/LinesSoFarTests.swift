import Testing

@testable import Agent

struct LinesSoFarTests {
    @Test func linesKeepTheirOrder() {
        let soFar = LinesSoFar()
        for name in ["a", "b"] { soFar.add(.ok(name, "")) }
        #expect(soFar.lines.map(\.check) == ["a", "b"])
    }
}
