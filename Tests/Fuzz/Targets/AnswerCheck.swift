import Configuration

@testable import HTTPTransport
@testable import Scrape

/// What an HTTP answer says besides its body, and URLs: lines of headers, the last of them a Content-Type.
enum AnswerCheck {
    static func run(_ bytes: [UInt8]) {
        var headers = HTTPHeaders()
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = Array(line)
            headers.append(line: line.span)
            let text = String(decoding: line, as: UTF8.self)
            _ = try? ExpositionFormat.of(contentType: text, fallback: nil)
            if let authority = URLAuthority(text) {
                precondition(authority.isSameOrigin(as: authority), "a URL has its own origin")
            }
            _ = URLPlace(text)
        }
        for name in ["content-type", "retry-after", "date"] {
            if let value = headers[name] { precondition(!value.contains("\n"), "a header is one line") }
        }
    }
}
