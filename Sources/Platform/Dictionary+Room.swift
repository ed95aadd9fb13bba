extension Dictionary {
    /// Gives back the room of a dictionary that once had many more elements: none does so by itself.
    public mutating func giveBackRoom() {
        guard capacity > 4 * count + 256 else { return }
        self = Dictionary(uniqueKeysWithValues: map { ($0.key, $0.value) })
    }
}

extension Set {
    /// The same of a set.
    public mutating func giveBackRoom() {
        guard capacity > 4 * count + 256 else { return }
        self = Set(Array(self))
    }
}
