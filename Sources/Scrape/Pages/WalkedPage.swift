import MetricModel

/// A page that was read by the order that the scrape before left.
protocol WalkedPage {
    // For each line, once all of them have been read; empty where the page is unchanged.
    var hashes: [UInt64] { get }
    var lengths: [UInt32] { get }
    var types: [ExpositionParser.FamilyType] { get }
    /// Ordinals in the order before, `PageWalk.newSeries` plus a number, or `PageOrder.noSeries`.
    var ordinals: [UInt32] { get }

    /// A value for each line.
    var values: [Double] { get }
    /// By line.
    var timestamps: [Frame.ExplicitTimestamp] { get }
    var exemplars: [ScrapedExemplar] { get }
    /// The new series' chunks.
    var new: [TemplateChunk] { get }
    var comments: LastComments { get }
    /// Bytes of comments in front of new lines that say something new.
    var commentBytes: Int { get }
    var work: PageWalk.Work { get }
    /// Whether every line is as before and none is missing.
    var isUnchanged: Bool { get }
    /// Whether lines had to be looked for in a table of all of them.
    var lookedUp: Bool { get }
    var isOpenMetrics: Bool { get }
}
