/// A command line cut into words, as a POSIX shell would without expanding anything (and as Python's `shlex`
/// does): white space separates, quotes and backslashes keep.
public enum CommandWords {
    /// Nil when a quote is not closed or the line ends with a backslash.
    public static func split(_ line: String) -> [String]? {
        var words: [String] = []
        var word: [UInt8] = []
        var isWord = false
        var quote: UInt8?
        var bytes = Array(line.utf8)[...]
        while let byte = bytes.popFirst() {
            switch (quote, byte) {
            case (UInt8(ascii: "'"), UInt8(ascii: "'")), (UInt8(ascii: "\""), UInt8(ascii: "\"")):
                quote = nil
            case (UInt8(ascii: "'"), _): word.append(byte)
            case (UInt8(ascii: "\""), UInt8(ascii: "\\")):
                guard let next = bytes.popFirst() else { return nil }
                // Within double quotes a backslash keeps these two and stands for itself before others.
                if next != UInt8(ascii: "\""), next != UInt8(ascii: "\\") { word.append(byte) }
                word.append(next)
            case (.some, _): word.append(byte)
            case (nil, UInt8(ascii: "'")), (nil, UInt8(ascii: "\"")):
                quote = byte
                isWord = true
            case (nil, UInt8(ascii: "\\")):
                guard let next = bytes.popFirst() else { return nil }
                word.append(next)
                isWord = true
            case (nil, 0x20), (nil, 0x09), (nil, 0x0A), (nil, 0x0D):
                if isWord { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
                isWord = false
            case (nil, _):
                word.append(byte)
                isWord = true
            }
        }
        guard quote == nil else { return nil }
        if isWord { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}
