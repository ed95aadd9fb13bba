import ArgumentParser
import Platform

/// What a part has tried, counted by kind, and what it has found.
struct CaseTally {
    /// More findings are counted and not kept: one mistake mostly shows in many cases.
    private static let mostKept = 100

    private let part: String
    private let seed: UInt64
    private let began: UInt64
    private let clock = SystemClock()
    private var counts: [String: Int] = [:]
    private var findings: [String] = []
    private var findingCount = 0

    /// Prints the seed, so that it is known whatever happens next.
    init(part: String, seed: UInt64) {
        self.part = part
        self.seed = seed
        began = clock.monotonicNs
        print("\(part): seed \(seed)")
    }

    /// The seed of this run: the one that was asked for, or any.
    static func seed(_ common: PartArguments) -> UInt64 {
        common.seed ?? UInt64.random(in: 1...999_999_999)
    }

    /// Seconds since the part began.
    var seconds: Double { Double(clock.monotonicNs - began) / 1e9 }

    /// Whether the part is to stop, as it was told to take no more time.
    func isOver(_ common: PartArguments) -> Bool { common.seconds > 0 && seconds >= common.seconds }

    /// Counts something that was tried or seen.
    mutating func count(_ kind: String, _ number: Int = 1) { counts[kind, default: 0] += number }

    /// Notes a promise that was broken, and prints it.
    mutating func found(_ sentence: String) {
        findingCount += 1
        guard findings.count < Self.mostKept else { return }
        findings.append(sentence)
        print("FOUND \(sentence)")
    }

    /// Prints the counts, writes the report where one is wanted, and throws where something was found.
    func end(_ common: PartArguments) throws {
        for (kind, number) in counts.sorted(by: { $0.key < $1.key }) {
            let padding = String(repeating: " ", count: max(1, 9 - "\(number)".count))
            print("\(padding)\(number)  \(kind)")
        }
        let spent = (seconds * 10).rounded() / 10
        print("\(part): \(findingCount) findings, \(spent) s, seed \(seed)")
        if let path = common.report { try POSIXFiles().replace(path, with: Array(json(spent).utf8)) }
        if findingCount > 0 { throw ExitCode.failure }
    }

    private func json(_ spent: Double) -> String {
        let kinds = counts.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)): \($0.value)" }
        let found = findings.map { Self.quoted($0) }
        return """
            {"part": \(Self.quoted(part)), "seed": \(seed), "seconds": \(spent), \
            "counts": {\(kinds.joined(separator: ", "))}, "found": \(findingCount), \
            "findings": [\(found.joined(separator: ", "))]}

            """
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case let control where control.value < 0x20: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
