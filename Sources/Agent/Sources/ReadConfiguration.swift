/// What tells one version of a source from another: opaque texts, the source's own and, for a composer's job,
/// those of the sources it names.
public struct ConfigurationVersion: Sendable, Equatable {
    let parts: [String]
}

/// A configuration's text as it was read, before anything of it was checked.
struct ReadConfiguration: Sendable, Equatable {
    /// A file that a composer's job brings beside the configuration.
    struct Companion: Sendable, Equatable {
        let path: String
        let bytes: [UInt8]
        /// Whether others than the owner may read it.
        let isPublic: Bool
    }

    /// What errors call it; relative paths are taken from its folder.
    var name: String
    var text: [UInt8]
    var version: ConfigurationVersion
    /// Written once the configuration is taken into use, and read from here before.
    var companions: [Companion] = []
    /// Sentences for the log.
    var warnings: [String] = []
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

    init(_ message: String, mayPass: Bool = false, isCancelled: Bool = false) {
        self.message = message
        self.mayPass = mayPass
        self.isCancelled = isCancelled
    }
}
