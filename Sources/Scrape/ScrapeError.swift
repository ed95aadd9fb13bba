import Platform

/// Why a scrape failed. What a user reads says what is wrong and where.
public struct ScrapeError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The target was not reached, or did not answer in time.
        case transport
        case timeout
        /// Any status but 200.
        case status = "http_status"
        case contentType = "content_type"
        case bodyTooLarge = "body_size_limit"
        /// The body is not in the text format.
        case exposition = "parse_error"
        /// A native histogram contradicts itself.
        case histogram = "invalid_histogram"
        /// A native histogram has more buckets than native_histogram_bucket_limit allows.
        case bucketLimit = "native_histogram_bucket_limit"
        /// More samples than `sample_limit`.
        case sampleLimit = "sample_limit"
        /// A series beyond one of the limits of labels.
        case labelLimit = "label_limit"
        /// The job has more targets than it may have, so none is scraped.
        case targetLimit = "target_limit"
        /// Memory is short, and the page needs more than it can be given or than it can do without.
        case memory
        /// The wall clock stands at or before the target's last scrape.
        case clock
        /// The frame could not be appended to the buffer.
        case append = "append_failed"
    }

    public let code: Code
    /// What was wrong. What it quotes of a body or a header is shown by `VisibleText`.
    public let message: String
    /// The line of the body, from 1; 0 when the error has no line.
    public let line: Int
    /// Bytes from the body's start; 0 when the error has no place in it.
    public let offset: Int
    /// Samples that were read up to the error, and of those the ones that rules leave; the report of the
    /// scrape tells them.
    public internal(set) var samplesScraped = 0
    public internal(set) var samplesKept = 0

    public init(_ code: Code, _ message: String, line: Int = 0, offset: Int = 0) {
        self.code = code
        self.message = VisibleText.shown(message)
        self.line = line
        self.offset = offset
    }

    /// An error of the body. Its line is not known yet: matched lines are not counted.
    init(_ message: String, offset: Int) {
        self.init(.exposition, message, offset: offset)
    }

    /// The same fault, however far the scrape had come.
    public static func == (left: ScrapeError, right: ScrapeError) -> Bool {
        left.code == right.code && left.message == right.message && left.line == right.line
            && left.offset == right.offset
    }

    /// The same error after so many samples.
    func after(samples: Int, kept: Int) -> ScrapeError {
        var error = self
        error.samplesScraped = samples
        error.samplesKept = kept
        return error
    }

    /// The same error with its line counted.
    func located(in body: RawSpan) -> ScrapeError {
        guard code == .exposition else { return self }
        var line = 1
        for index in 0..<min(offset, body.byteCount) where body.uncheckedByte(index) == Byte.newline {
            line += 1
        }
        return ScrapeError(code, message, line: line, offset: offset).after(
            samples: samplesScraped, kept: samplesKept)
    }

    public var description: String { line > 0 ? "line \(line): \(message)" : message }
}
