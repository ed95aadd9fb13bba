/// What a target says about the metric families of a chunk's series. Immutable and part of the chunk, so that
/// targets whose lines are equal share it.
///
/// The texts are kept as the comments came, packed: for each a byte of what it tells (0 type, 1 help, 2
/// unit), the lengths of name and text (four bytes each, lowest first), name and text. A family's comments
/// stand together.
public struct ChunkMetadata: Sendable, Equatable {
    /// Series that follow each other and belong to one family, up to the next run's first.
    public struct Run: Sendable, Equatable {
        /// Offset of a run whose series belong to no family.
        public static let noFamily = UInt32.max

        /// An ordinal in the chunk.
        public let firstSeries: UInt32
        /// Where the family's first comment begins in `comments`, or `noFamily`.
        public let offset: UInt32

        public init(firstSeries: UInt32, offset: UInt32) {
            self.firstSeries = firstSeries
            self.offset = offset
        }
    }

    /// What a comment tells.
    public enum Subject: UInt8, Sendable {
        case type = 0
        case help, unit
    }

    /// A longer help text is cut where comments are taken in.
    public static let maxTextBytes = 16 << 10
    private static let headerBytes = 9

    public let comments: [UInt8]
    /// Ascending by series. Series before the first belong to no family.
    public let runs: [Run]

    /// Checks everything, whoever made it (the scrape or a damaged file): nil when a comment does not end
    /// inside `comments` or is not UTF-8, when a run does not begin at a comment, or runs do not ascend.
    public init?(comments: [UInt8], runs: [Run], seriesCount: Int) {
        guard comments.count < Int(UInt32.max),
            zip(runs, runs.dropFirst()).allSatisfy({ $0.firstSeries < $1.firstSeries }),
            runs.last.map({ Int($0.firstSeries) < seriesCount }) ?? true
        else { return nil }
        var begins: Set<UInt32> = []
        var offset = 0
        while offset < comments.count {
            guard let comment = Comment(comments, at: offset),
                String(validating: comments[comment.name], as: UTF8.self) != nil,
                String(validating: comments[comment.text], as: UTF8.self) != nil
            else { return nil }
            begins.insert(UInt32(offset))
            offset = comment.text.upperBound
        }
        guard runs.allSatisfy({ $0.offset == Run.noFamily || begins.contains($0.offset) }) else { return nil }
        self.comments = comments
        self.runs = runs
    }

    /// Of series about which nothing is known.
    public static let none = ChunkMetadata()

    private init() {
        comments = []
        runs = []
    }

    /// The family whose comments begin at `offset`, which is the offset of a run. Of several comments of
    /// one kind the last holds.
    public func family(at offset: UInt32) -> MetricMetadata? {
        offset == Run.noFamily ? nil : Self.family(comments, at: Int(offset))
    }

    /// The family whose comments begin at `offset` of packed ones; nil where none does.
    public static func family(_ comments: [UInt8], at offset: Int) -> MetricMetadata? {
        guard let first = Comment(comments, at: offset) else { return nil }
        var result = MetricMetadata(family: String(decoding: comments[first.name], as: UTF8.self))
        var next: Comment? = first
        while let comment = next, comments[comment.name].elementsEqual(comments[first.name]) {
            let text = String(decoding: comments[comment.text], as: UTF8.self)
            switch comment.subject {
            case .type: result.kind = MetricMetadata.Kind(word: text) ?? .unknown
            case .help: result.help = text
            case .unit: result.unit = text
            }
            next = Comment(comments, at: comment.text.upperBound)
        }
        return result
    }

    /// The family of a series; nil when none is known.
    public func family(ofSeries series: Int) -> MetricMetadata? {
        runs.last { Int($0.firstSeries) <= series }.flatMap { family(at: $0.offset) }
    }

    /// Bytes held beside the struct.
    public var heldBytes: Int { comments.count + runs.count * MemoryLayout<Run>.stride }

    /// Appends one comment to packed ones.
    public static func append(
        _ subject: Subject, family: [UInt8], text: ArraySlice<UInt8>, to comments: inout [UInt8]
    ) {
        comments.append(subject.rawValue)
        for count in [family.count, text.count] {
            for shift in 0..<4 { comments.append(UInt8(truncatingIfNeeded: count >> (8 * shift))) }
        }
        comments += family
        comments += text
    }

    /// One packed comment.
    private struct Comment {
        let subject: Subject
        let name: Range<Int>
        let text: Range<Int>

        init?(_ bytes: [UInt8], at offset: Int) {
            guard offset >= 0, bytes.count - offset >= ChunkMetadata.headerBytes,
                let subject = Subject(rawValue: bytes[offset])
            else { return nil }
            func count(at place: Int) -> Int {
                (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            }
            let start = offset + ChunkMetadata.headerBytes
            let nameCount = count(at: offset + 1)
            let textCount = count(at: offset + 5)
            guard nameCount + textCount <= bytes.count - start else { return nil }
            self.subject = subject
            name = start..<start + nameCount
            text = name.upperBound..<name.upperBound + textCount
        }
    }
}
