extension RelabelPattern {
    /// Whether it matches all of `text`.
    public func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }
}
