import MetricModel
import Scrape
import WriteAheadBuffer

/// The buffer as the end of a scrape: scraping and the buffer do not import each other.
struct BufferAppender: FrameAppending {
    let buffer: WriteAheadBuffer

    func append(_ frame: Frame) throws { try buffer.append(frame) }
}
