/// What tells one version of a source from another: opaque texts, the source's own and, for a composer's job,
/// those of the sources it names.
public struct ConfigurationVersion: Sendable, Equatable {
    let parts: [String]
    /// Whether some of it is not on this machine: then the last good one is kept for a start while that is
    /// away, and changes are looked for without a flag.
    var isRemote = false
}

/// A configuration's text as it was read, before anything of it was checked.
struct ReadConfiguration: Sendable, Equatable {
    /// A file that a composer's job brings beside the configuration.
    struct Companion: Sendable, Equatable {
        let path: String
        let bytes: [UInt8]
        /// Its permissions, 0 to 0o777.
        let mode: UInt32
    }

    /// Where it lies, or would lie; relative paths are taken from its folder.
    var name: String
    /// What errors call it, where that is another name: the document that holds it.
    var shownName: String?
    /// Where a document holds it, moved so that lines and columns are the document's.
    var text: [UInt8]
    var version: ConfigurationVersion
    /// Written once the configuration is taken into use, and read from here before.
    var companions: [Companion] = []
    /// Paths of files that the job names and that could not be read, which the job allows.
    var leftOut: Set<String> = []
    /// Sentences for the log.
    var warnings: [String] = []
    /// The value of the variable `OwnTaskID.variable`, where the text names it, the environment does not have
    /// it and the agent runs in a task of ECS.
    var taskID: String?
    /// Whether this is the last good one, as its source is away.
    var isKept = false
}

/// Why a source gave no text.
struct SourceFault: Error, Sendable, Equatable {
    let message: String
    /// Whether the same may succeed in a little while.
    let mayPass: Bool
    /// The wait was ended from outside.
    let isCancelled: Bool
    /// Whether each line of the message begins with its place, so that it is not told again.
    let isPlaced: Bool
    /// The configuration is elsewhere, and nobody was asked.
    let isElsewhere: Bool
    /// The text was read, and is wrong.
    let isWrong: Bool

    init(
        _ message: String, mayPass: Bool = false, isCancelled: Bool = false, isPlaced: Bool = false,
        isElsewhere: Bool = false, isWrong: Bool = false
    ) {
        self.message = message
        self.isElsewhere = isElsewhere
        self.isWrong = isWrong
        self.mayPass = mayPass
        self.isCancelled = isCancelled
        self.isPlaced = isPlaced
    }
}
