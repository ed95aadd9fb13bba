/// What is said of a destination that is no longer configured while samples wait for it.
public enum FormerDestination {
    /// At a reload, and at a start without a destination that is new.
    public static let isSentNoMore = """
        a destination is no longer configured: its cursor is removed, and the samples that wait for it \
        are not sent to it any more
        """

    /// What to do to have the samples sent. While `others` are configured, the buffer keeps what they wait
    /// for: it looks once a second, and removes each segment that all of them have passed.
    public static func remedy(besideOthers others: Bool) -> String {
        let rest = others ? "what is left of them" : "them"
        let text = """
            to have \(rest) sent, stop the agent soon, give the entry its former name back and start it: a \
            destination that is new at a start is sent all that the buffer still holds
            """
        guard others else { return text }
        return text
            + "; what no other destination waits for is removed within a second, but for the newest segment"
    }
}
