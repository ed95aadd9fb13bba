/// What has come of scrapes since an earlier question.
public struct ArrivalChanges: Sendable, Equatable {
    /// What the next question names, to hear only of what came after this one.
    public let next: UInt64
    /// Each with all that has come of it, and not only with what is new.
    public let scrapes: [ArrivedScrape]

    public init(next: UInt64, scrapes: [ArrivedScrape]) {
        self.next = next
        self.scrapes = scrapes
    }

    /// `next` in a line of its own, and a line for each scrape.
    var text: String { "\(next)\n" + ArrivedScrape.text(scrapes) }

    /// What `GET /arrivals?since=NUMBER` on the endpoint's port answers; nil when it is something else.
    public init?(text: String) {
        let utf8 = text.utf8
        guard let end = utf8.firstIndex(of: UInt8(ascii: "\n")), let next = UInt64(text[..<end]),
            let scrapes = ArrivedScrape.all(in: String(text[utf8.index(after: end)...]))
        else { return nil }
        self.init(next: next, scrapes: scrapes)
    }
}
