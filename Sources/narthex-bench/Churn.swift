import ArgumentParser

/// How a synthetic page changes between scrapes beside its values.
struct Churn {
    enum Kind: String, CaseIterable, ExpressibleByArgument {
        /// A label value of the share's series, spread evenly over the page, is new in each round.
        case lines
        /// The share's number of new series appears at the front in each round and stays for four rounds.
        case front
        /// The share's histograms, spread evenly over the page, get one more bucket in each round.
        case buckets
        /// The share's families give their series in another order in each round.
        case shuffle
    }

    let kind: Kind
    /// Between 0 (nothing changes) and 1.
    let share: Double

    private static let roundsAtFront = 4

    /// The page of one target: what is new differs between targets.
    func apply(to text: [UInt8], scrape: Int, target: Int) -> [UInt8] {
        guard share > 0 else { return text }
        let lines = Self.lines(of: text)
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 4)
        switch kind {
        case .lines: relabel(lines, scrape, target, &result)
        case .front:
            prepend(count: Int(share * Double(lines.count { $0.first != 0x23 })), scrape, target, &result)
            result += text
        case .buckets: grow(lines, scrape, target, &result)
        case .shuffle: shuffle(lines, scrape, target, &result)
        }
        return result
    }

    private static func lines(of text: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while start < text.count, let end = text[start...].firstIndex(of: 0x0A) {
            lines.append(text[start..<end])
            start = end + 1
        }
        return lines
    }

    /// Whether the `number`th of many belongs to the share.
    private func isChosen(_ number: Int) -> Bool {
        Int(Double(number + 1) * share) > Int(Double(number) * share)
    }

    private func relabel(
        _ lines: [ArraySlice<UInt8>], _ scrape: Int, _ target: Int, _ result: inout [UInt8]
    ) {
        var number = 0
        for line in lines {
            if line.first != 0x23 {
                if isChosen(number), let brace = line.firstIndex(of: 0x7B) {
                    result += line[...brace]
                    result += "build=\"b\(scrape)-\(target)\",".utf8
                    result += line[(brace + 1)...]
                } else {
                    result += line
                }
                number += 1
            } else {
                result += line
            }
            result.append(0x0A)
        }
    }

    private func prepend(count: Int, _ scrape: Int, _ target: Int, _ result: inout [UInt8]) {
        for age in 0..<Self.roundsAtFront {
            for number in 0..<count {
                result += "front_requests{id=\"\(scrape - age)-\(number)\",of=\"\(target)\"} ".utf8
                result += "\(number * 7 + age)\n".utf8
            }
        }
    }

    private func grow(
        _ lines: [ArraySlice<UInt8>], _ scrape: Int, _ target: Int, _ result: inout [UInt8]
    ) {
        let mark = Array("le=\"0.005\"".utf8)
        var number = 0
        for line in lines {
            if let place = Self.place(of: mark, in: line) {
                if isChosen(number) {
                    for bucket in 0...scrape {
                        result += line[..<place.lowerBound]
                        result += "le=\"0.00\(1_000 + target)\(1_000 + bucket)\"".utf8
                        result += line[place.upperBound...]
                        result.append(0x0A)
                    }
                }
                number += 1
            }
            result += line
            result.append(0x0A)
        }
    }

    /// Where `mark` stands first. `firstRange(of:)` takes twenty times as many instructions.
    private static func place(of mark: [UInt8], in line: ArraySlice<UInt8>) -> Range<Int>? {
        guard line.count >= mark.count else { return nil }
        for start in line.startIndex...line.endIndex - mark.count where line[start] == mark[0] {
            let range = start..<start + mark.count
            if line[range].elementsEqual(mark) { return range }
        }
        return nil
    }

    private func shuffle(
        _ lines: [ArraySlice<UInt8>], _ scrape: Int, _ target: Int, _ result: inout [UInt8]
    ) {
        var random = SplitMix(state: UInt64(scrape &* 1_000_003 &+ target))
        var family: [ArraySlice<UInt8>] = []
        var number = 0
        func flush(_ result: inout [UInt8]) {
            if isChosen(number) { family.shuffle(using: &random) }
            number += family.isEmpty ? 0 : 1
            for line in family {
                result += line
                result.append(0x0A)
            }
            family = []
        }
        for line in lines {
            if line.first == 0x23 {
                flush(&result)
                result += line
                result.append(0x0A)
            } else {
                family.append(line)
            }
        }
        flush(&result)
    }
}

/// The same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
