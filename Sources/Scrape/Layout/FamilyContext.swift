/// What comments before a line make of it: the same line means other series under another TYPE.
struct FamilyContext: Equatable {
    var type = ExpositionParser.FamilyType.other
    /// A keyed hash of the name in the TYPE line in force, where a job has classic histograms converted; 0
    /// otherwise.
    var family: UInt64 = 0
    /// Bytes of the name in the last HELP, TYPE or UNIT line, where start timestamps are read; 0 otherwise.
    var nameLength = 0
}
