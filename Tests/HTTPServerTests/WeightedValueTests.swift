import Testing

@testable import HTTPServer

struct WeightedValueTests {
    private func names(_ fields: String...) -> [String] { WeightedValue.list(fields).map(\.name) }

    @Test func theBestComesFirstAndEqualsKeepTheirOrder() {
        #expect(names("a;q=0.1, b, c;q=0.5", "d") == ["b", "d", "c", "a"])
        #expect(names("x;q=0.5,y;q=0.5,z;q=0.5") == ["x", "y", "z"])
    }

    @Test func parametersAndWeightsAreRead() {
        let value = WeightedValue.list(["Text/Plain ; Version=0.0.4;charset=\"utf-8\"; Q=0.25"])[0]
        #expect(value.name == "text/plain")
        #expect(value.parameters == ["version": "0.0.4", "charset": "utf-8"])
        #expect(value.weight == 0.25)
    }

    @Test(
        arguments: [
            ("a", 1), ("a;q=0", 0), ("a;q=7", 1), ("a;q=-1", 0), ("a;q=nan", 0), ("a;q=x", 0), ("a;q=", 1),
            ("a;q", 1), ("a;;q=0.5", 0.5),
        ] as [(String, Double)])
    func aWeightLiesBetweenZeroAndOne(text: String, weight: Double) {
        #expect(WeightedValue.list([text])[0].weight == weight)
    }

    @Test(arguments: ["", ",", " , ;", ";=;=", "=", "\"", "\u{0}"])
    func nonsenseHasNoWeightOfItsOwn(text: String) {
        #expect(WeightedValue.list([text]).allSatisfy { $0.parameters.values.allSatisfy(\.isEmpty) })
    }
}
