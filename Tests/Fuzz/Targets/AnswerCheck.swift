import Addresses
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
            guard let url = HTTPURL(text) else { continue }
            precondition(url.isSameOrigin(as: url), "a URL has its own origin")
            let shown = url.description
            precondition(HTTPURL(shown)?.description == shown, "the place of a URL is a URL")
            do throws(AddressError) {
                let next = try HTTPURL(parsing: "http://h/a/b").resolving(text)
                precondition(next.isSameOrigin(as: url), "an absolute URL leads to itself")
            } catch {
                preconditionFailure("a URL leads nowhere: it \(error)")
            }
        }
        for name in ["content-type", "retry-after", "date"] {
            if let value = headers[name] { precondition(!value.contains("\n"), "a header is one line") }
        }
    }
}
