internal import CRE2

/// A pattern compiled by RE2. Matching takes time in proportion to the text, whatever pattern and text are.
@safe final class CompiledPattern: @unchecked Sendable {  // RE2's match is thread-safe.
    /// What RE2 may keep for a pattern in use. Few patterns come near; the automaton of one that does is
    /// thrown away and begun anew rather than grown.
    static let usualBytes: Int64 = 1 << 20
    /// For patterns whose program alone needs more: several thousand names in one alternation.
    static let largeBytes: Int64 = 32 << 20
    /// Texts are measured in 32 bits.
    static let maxTextBytes = Int(Int32.max)

    // Safety: RE2's matching is const and thread-safe; the handle lives as long as the object.
    private let handle: OpaquePointer
    /// Groups in parentheses.
    let groupCount: Int

    /// Throws RE2's words about what is wrong.
    init(_ pattern: [UInt8]) throws(PatternFault) {
        var isTooLarge = false
        var reason = [CChar](repeating: 0, count: 256)
        func compile(_ maxBytes: Int64) -> OpaquePointer? {
            // Safety: the pointers are used only during the call.
            unsafe pattern.withUnsafeBufferPointer { bytes in
                unsafe reason.withUnsafeMutableBufferPointer { buffer in
                    unsafe narthex_regex_compile(
                        bytes.baseAddress, bytes.count, maxBytes, buffer.baseAddress, buffer.count,
                        &isTooLarge)
                }
            }
        }
        var made = unsafe compile(Self.usualBytes)
        if unsafe made == nil, isTooLarge { unsafe made = compile(Self.largeBytes) }
        guard let made = unsafe made else {
            let text = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw PatternFault(message: String(decoding: text, as: UTF8.self))
        }
        unsafe handle = made
        groupCount = unsafe Int(narthex_regex_group_count(made))
    }

    deinit { unsafe narthex_regex_free(handle) }

    /// The number of a named group.
    func group(named name: String) -> Int? {
        let bytes = Array(name.utf8)
        // Safety: the pointer is used only during the call.
        let number = unsafe bytes.withUnsafeBufferPointer {
            unsafe narthex_regex_group_named(handle, $0.baseAddress, $0.count)
        }
        return number < 0 ? nil : Int(number)
    }

    /// Whether the pattern is found in `text`.
    func isFound(in text: [UInt8]) -> Bool {
        guard text.count <= Self.maxTextBytes else { return false }
        // Safety: the pointer is used only during the call; no ranges are asked for.
        return unsafe text.withUnsafeBufferPointer {
            unsafe narthex_regex_match(handle, $0.baseAddress, $0.count, nil, 0)
        }
    }

    /// The same, with start and end of each group in `ranges`, which is made as long as it must be.
    func find(in text: [UInt8], ranges: inout [Int32]) -> Bool {
        guard text.count <= Self.maxTextBytes else { return false }
        let count = groupCount + 1
        if ranges.count != 2 * count { ranges = Array(repeating: -1, count: 2 * count) }
        // Safety: the pointers are used only during the call, and `ranges` has room for `count` pairs.
        return unsafe text.withUnsafeBufferPointer { bytes in
            unsafe ranges.withUnsafeMutableBufferPointer { pairs in
                unsafe narthex_regex_match(
                    handle, bytes.baseAddress, bytes.count, pairs.baseAddress, Int32(count))
            }
        }
    }
}

/// Why a pattern is none.
struct PatternFault: Error, Equatable {
    let message: String
}
