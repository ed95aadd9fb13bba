/// A text written down, or the file that holds it. A file is read again when it changes; white space around
/// what it holds does not count.
public enum TextSource: Sendable, Hashable {
    case text(Secret)
    case file(String)
}
