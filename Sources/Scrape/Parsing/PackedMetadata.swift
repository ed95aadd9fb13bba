import MetricModel

/// The metadata comments of a run of lines in their order, as one block of bytes: a family is some dozen
/// bytes, and is read only when somebody asks.
struct PackedMetadata: Sendable {
    /// A longer text is cut, at a character's end: no page and no receiver shows a tenth of it.
    static let maxTextBytes = 16 << 10

    private(set) var bytes: [UInt8]
    /// Where the comments of the family begin that the last comment is about; nil before the first.
    private(set) var lastFamily: Int?
    private var lastName: [UInt8] = []
    /// Whether help texts know `\"`.
    private let isOpenMetrics: Bool

    init(isOpenMetrics: Bool) {
        bytes = []
        self.isOpenMetrics = isOpenMetrics
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// Adds a comment of `body`; names and texts that are not UTF-8 are left out.
    mutating func append(_ line: FamilyMetadata.Line, _ body: RawSpan) {
        guard UTF8Check.isValid(body, line.name), UTF8Check.isValid(body, line.text) else { return }
        var text = line.text
        if text.count > Self.maxTextBytes {
            var end = text.lowerBound + Self.maxTextBytes
            while body.byte(end) & 0xC0 == 0x80 { end -= 1 }
            text = text.lowerBound..<end
        }
        var name: [UInt8] = []
        Unescaping.append(body, line.name, hasEscapes: line.nameHasEscapes, to: &name)
        var words: [UInt8] = []
        Unescaping.append(body, text, hasEscapes: line.kind == .help, quotes: isOpenMetrics, to: &words)
        append(line.kind, family: name, text: words)
    }

    /// Adds what is known to be UTF-8, as it is.
    mutating func append(_ kind: FamilyMetadata.Kind, family: [UInt8], text: [UInt8]) {
        var end = min(text.count, Self.maxTextBytes)
        while end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
        if lastFamily == nil || lastName != family {
            lastFamily = bytes.count
            lastName = family
        }
        ChunkMetadata.append(kind.subject, family: family, text: text[..<end], to: &bytes)
    }

    /// Where the comments end that were added so far.
    struct Mark {
        fileprivate(set) var count = 0
        fileprivate var lastFamily: Int?
        fileprivate var lastName: [UInt8] = []
    }

    var mark: Mark { Mark(count: bytes.count, lastFamily: lastFamily, lastName: lastName) }

    /// Takes out what was added since.
    mutating func cut(to mark: Mark) {
        guard bytes.count > mark.count else { return }
        bytes.removeLast(bytes.count - mark.count)
        lastFamily = mark.lastFamily
        lastName = mark.lastName
    }

    /// Adds all comments of another block.
    mutating func append(packed comments: [UInt8]) {
        bytes += comments
        lastFamily = nil
    }

    /// Begins with the comments of one family, as another block has them.
    mutating func begin(with family: ArraySlice<UInt8>) {
        guard isEmpty, let comment = Self.entries(Array(family)).first else { return }
        bytes += family
        lastFamily = 0
        lastName = Array(comment.family.utf8)
    }

    /// The comments of the family that packed bytes end with; empty where there are none.
    static func lastFamily(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var name = 0..<0
        var start = 0
        var offset = 0
        while offset + 9 <= bytes.count {
            func count(at place: Int) -> Int {
                (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            }
            let own = offset + 9..<offset + 9 + count(at: offset + 1)
            if !bytes[own].elementsEqual(bytes[name]) || offset == 0 {
                name = own
                start = offset
            }
            offset = own.upperBound + count(at: offset + 5)
        }
        return bytes[start...]
    }

    /// The bytes without spare room, for what lives as long as a target; nothing is left behind.
    mutating func take() -> [UInt8] {
        defer {
            bytes.removeAll(keepingCapacity: true)
            lastFamily = nil
        }
        return bytes.exactCopy
    }

    /// Calls `body` with the place of each comment in packed bytes.
    static func forEach(_ bytes: [UInt8], _ body: (Range<Int>) -> Void) {
        func count(at place: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
        }
        var start = 0
        while start + 9 <= bytes.count {
            let end = start + 9 + count(at: start + 1) + count(at: start + 5)
            guard end <= bytes.count else { return }
            body(start..<end)
            start = end
        }
    }

    /// A keyed hash of the comment at `place`.
    static func hash(_ bytes: [UInt8], _ place: Range<Int>) -> UInt64 {
        // Safety: bytes have no padding.
        unsafe SegmentHasher.process.hash(bytes.span.bytes, place.lowerBound, place.count)
    }

    /// The comments that packed bytes hold.
    static func entries(_ bytes: [UInt8]) -> [FamilyMetadata] {
        var result: [FamilyMetadata] = []
        var offset = 0
        func count() -> Int {
            defer { offset += 4 }
            return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        func string(_ length: Int) -> String {
            defer { offset += length }
            return String(decoding: bytes[offset..<offset + length], as: UTF8.self)
        }
        while offset < bytes.count {
            guard let kind = FamilyMetadata.Kind(rawValue: bytes[offset]) else { break }
            offset += 1
            let nameCount = count()
            let textCount = count()
            result.append(FamilyMetadata(kind: kind, family: string(nameCount), text: string(textCount)))
        }
        return result
    }

    /// Packed bytes with the last comment of each kind on each family alone.
    static func lastWords(_ bytes: [UInt8]) -> [UInt8] {
        var last: [[UInt8]: Range<Int>] = [:]
        var offset = 0
        while offset + 9 <= bytes.count {
            func count(at place: Int) -> Int {
                (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            }
            let start = offset
            let nameEnd = start + 9 + count(at: start + 1)
            offset = nameEnd + count(at: start + 5)
            guard offset <= bytes.count else { break }
            // The kind goes into the key in front of the name, in the place of the lengths.
            last[[bytes[start]] + bytes[start + 9..<nameEnd]] = start..<offset
        }
        var result: [UInt8] = []
        for range in last.values.sorted(by: { $0.lowerBound < $1.lowerBound }) { result += bytes[range] }
        return result.exactCopy
    }

    /// How many families packed bytes are about: comments of one stand together. Nothing is decoded.
    static func familyCount(_ bytes: [UInt8]) -> Int {
        var families = 0
        var last = 0..<0
        var offset = 0
        while offset + 9 <= bytes.count {
            func count(at place: Int) -> Int {
                (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            }
            let start = offset + 9
            let name = start..<start + count(at: offset + 1)
            offset = name.upperBound + count(at: offset + 5)
            guard offset <= bytes.count else { break }
            if families == 0 || !bytes[name].elementsEqual(bytes[last]) { families += 1 }
            last = name
        }
        return families
    }
}

extension FamilyMetadata.Kind {
    fileprivate var subject: ChunkMetadata.Subject {
        switch self {
        case .type: .type
        case .help: .help
        case .unit: .unit
        }
    }
}
