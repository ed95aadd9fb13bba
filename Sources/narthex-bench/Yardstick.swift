import Platform

#if canImport(Glibc)
import Glibc
#endif

/// What this machine takes, at this moment, for work that never changes: strtod on the numbers of a body. A
/// host whose other guests are busy slows it down as it slows down the agent.
struct Yardstick {
    private let clock = SystemClock()
    private var numbers: [[CChar]]

    /// The numbers of an exposition.
    init(_ text: [UInt8]) {
        numbers = text.split(separator: 0x0A).filter { $0.first != 0x23 }.compactMap { line in
            line.lastIndex(of: 0x20).map { Array(line[line.index(after: $0)...]).map { CChar($0) } + [0] }
        }
    }

    /// Nanoseconds for one number.
    mutating func strtodNs() -> Double {
        var sum = 0.0
        let startNs = clock.monotonicNs
        for index in numbers.indices {
            // Safety: each number ends with a null.
            sum += unsafe numbers[index].withUnsafeMutableBufferPointer {
                unsafe $0.baseAddress.map { unsafe strtod($0, nil) } ?? 0
            }
        }
        let ns = Double(clock.monotonicNs - startNs)
        precondition(!sum.isNaN, "the bodies hold numbers")
        return ns / Double(max(1, numbers.count))
    }
}
