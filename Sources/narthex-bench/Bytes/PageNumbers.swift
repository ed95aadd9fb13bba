import Platform

/// The page of one exporter as many targets could have it: the same lines with numbers of their own.
///
/// What is likely the same everywhere stays: zeros and other whole numbers below ten, and the 1 of `_info`
/// series. Other numbers are multiplied by something between a half and one and a half; whole numbers stay
/// whole.
struct PageNumbers {
    private let lines: [String]

    init(_ page: [UInt8]) {
        lines = String(decoding: page, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The page of target number `target`, the same in every run. The first target has the page itself.
    func text(target: Int) -> [UInt8] {
        var random = SplitMix64(seed: UInt64(target))
        let varied = lines.map { line -> String in
            guard target > 0, !line.hasPrefix("#"), let space = line.lastIndex(of: " ") else { return line }
            let start = line.index(after: space)
            guard let number = Double(line[start...]), number.isFinite else { return line }
            let isWhole = number == number.rounded(.towardZero)
            guard !isWhole || abs(number) >= 10 else { return line }
            let other = number * Double.random(in: 0.5...1.5, using: &random)
            let isInteger = isWhole && abs(other) < 1e15
            return line[..<start] + (isInteger ? "\(Int64(other))" : "\(other)")
        }
        return Array((varied.joined(separator: "\n") + "\n").utf8)
    }
}
