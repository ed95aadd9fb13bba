/// What one metadata comment said about a metric family.
struct FamilyMetadata: Sendable, Equatable {
    enum Kind: UInt8, Sendable {
        case type, help, unit
    }

    /// A comment in a body, not copied yet.
    struct Line {
        var kind: Kind
        var name: Range<Int>
        var nameHasEscapes: Bool
        var text: Range<Int>
    }

    let kind: Kind
    /// The family's name as the comment has it.
    let family: String
    /// The type's word, the help's text without escapes, or the unit.
    let text: String
}
