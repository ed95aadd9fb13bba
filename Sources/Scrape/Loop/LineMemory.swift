extension ScrapePool {
    /// What the targets of a pool keep in memory to know their lines again. A chunk that several targets
    /// share counts once.
    public struct LineMemory: Sendable, Equatable {
        /// Targets that are scraped or end.
        public var targets = 0
        /// Runs of lines, or of series, that are kept together.
        public var chunks = 0
        /// The hash and the length of each line and the hash of each series, and the order of the lines of
        /// pages that are read by it: what the next scrape's lines are compared with.
        public var lineBytes = 0
        /// The texts of HELP, TYPE and UNIT comments.
        public var commentBytes = 0

        mutating func add(_ chunk: TemplateChunk) {
            chunks += 1
            lineBytes += chunk.lineBytes
            // Where the layout has the comments, both share one array.
            if !chunk.statesFamilies { commentBytes += chunk.metadata.count }
        }

        /// Adds what a target has for itself: the order of its page, and chunks that were made for it.
        mutating func addOwn(_ scrape: ScrapeState) {
            guard let order = scrape.order else { return }
            lineBytes += order.heldBytes
            for chunk in scrape.chunks where chunk.lineCount == 0 { add(chunk) }
        }
    }
}
