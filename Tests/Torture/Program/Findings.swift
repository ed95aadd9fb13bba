import Platform

/// What a part has counted and found: printed, and written as JSON where that was asked for.
struct Findings: Sendable {
    /// More are not printed one by one.
    private static let mostPrinted = 40

    let part: String
    let seed: UInt64
    private var sentences: [String] = []
    private(set) var count = 0
    /// Counts by name, in their order.
    private var figures: [(name: String, value: Int)] = []

    init(part: String, seed: UInt64) {
        self.part = part
        self.seed = seed
        print("\(part): seed \(seed)")
    }

    /// Each seed of a day is as good as another.
    static func newSeed() -> UInt64 { UInt64.random(in: 1...999_999_999) }

    mutating func found(_ sentence: String) {
        count += 1
        guard count <= Self.mostPrinted else { return }
        sentences.append(sentence)
        print("FOUND \(sentence)")
    }

    mutating func figure(_ name: String, _ value: Int) { figures.append((name, value)) }

    /// Prints the end, writes the report and says how the process is to end.
    func conclude(_ common: PartArguments) throws -> Bool {
        for (name, value) in figures { print("\(part): \(name): \(value)") }
        print("\(part): \(count) findings")
        guard let path = common.report else { return count == 0 }
        var text = "{\"part\": \(JSONText.quoted(part)), \"seed\": \(seed), \"counts\": {"
        text += figures.map { "\(JSONText.quoted($0.name)): \($0.value)" }.joined(separator: ", ")
        text += "}, \"found\": \(count), \"findings\": ["
        text += sentences.map { JSONText.quoted($0) }.joined(separator: ", ") + "]}\n"
        try POSIXFiles().replace(path, with: Array(text.utf8))
        return count == 0
    }
}
