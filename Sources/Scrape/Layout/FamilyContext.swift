/// What comments before a line make of it: the same line means other series under another TYPE.
struct FamilyContext: Equatable {
    var type = ExpositionParser.FamilyType.other
    /// A keyed hash of the name in the TYPE line in force, where a job has classic histograms converted; 0
    /// otherwise.
    var family: UInt64 = 0
    /// Bytes of the name in the last HELP, TYPE or UNIT line, where start timestamps are read; 0 otherwise.
    var nameLength = 0
    /// Keyed hashes of the name of the family that the last comments are about, and of all that these say,
    /// where metadata go into chunks; 0 otherwise.
    var metadataName: UInt64 = 0
    var metadata: UInt64 = 0

    /// Takes in what the comments in front of a line say of metadata.
    mutating func take(_ lines: [FamilyMetadata.Line], _ body: RawSpan, _ hasher: SegmentHasher) {
        for line in lines {
            let name = hasher.hash(body, line.name.lowerBound, line.name.count)
            if name != metadataName { metadata = 0 }
            metadataName = name
            let text = hasher.hash(body, line.text.lowerBound, line.text.count) ^ UInt64(line.kind.rawValue)
            // The texts are hashed with a key already, so this only has to make their order count.
            metadata = (metadata &* 0x9E37_79B9_7F4A_7C15) ^ (metadata >> 29) ^ text
        }
    }
}
