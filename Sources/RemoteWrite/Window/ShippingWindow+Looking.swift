extension ShippingWindow {
    /// What came of the reading in one look.
    struct Reading {
        /// Something was to be read. A look that had no need says nothing of whether reading stands still.
        var isAsked = false
        /// A frame was read.
        var hasRead = false
        /// The bound that has ended the reading, if any.
        var stop: ReadingStop?
    }

    /// How many samples are to wait.
    struct Bounds {
        /// No more are read once so many wait.
        var most: Int
        /// So many are read whatever memory they take.
        var least: Int
    }
}
