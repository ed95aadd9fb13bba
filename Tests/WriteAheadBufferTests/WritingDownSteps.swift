import MetricModel
import Platform
import TestSupport
import Testing

@testable import WriteAheadBuffer

/// What the tests of writing down what stands in memory have in common.
extension BufferFixture {
    /// Bytes of frames in memory.
    var usedBytes: Int { memory.usedBytes(of: .frames) }

    var complaints: [String] { said.lines.filter { $0.hasPrefix("error") || $0.hasPrefix("warning") } }

    /// Files that are not whole yet.
    var unfinished: [String] { get throws { try files.list(folder.path).filter { $0.hasSuffix(".new") } } }

    func append(_ values: Range<Int>, to buffer: WriteAheadBuffer) throws {
        for value in values { try buffer.append(frame(Double(value))) }
    }

    /// The same with a round of the keeper now and then, which drops what memory has no room for.
    func overfill(_ values: Range<Int>, to buffer: WriteAheadBuffer) throws {
        for value in values {
            try append(value..<value + 1, to: buffer)
            if value % 20 == 0 { buffer.keep() }
        }
    }

    func values(_ frames: [StoredFrame]) -> [Int] { frames.map { Int($0.frame.values[0]) } }

    /// The disk takes cursors and no samples.
    func refuseSamples() {
        files.fail { operation, path in
            operation == .write && !path.contains("cursor") ? .init(errno: 5) : nil
        }
    }

    /// The disk has no room for what stands in memory, and takes everything else.
    func refuseToWriteDown() {
        files.fail { operation, path in
            operation == .make && path.hasSuffix(".segment.new") ? .init(errno: 28) : nil
        }
    }

    /// The books close, and all of it is answered for.
    func expectWhole(
        _ buffer: WriteAheadBuffer, _ name: String, delivered: Int, dropped: [String: UInt64] = [:],
        _ comment: Comment? = nil
    ) throws {
        let books = try #require(buffer.ledger().destinations[name]?["node"], comment)
        #expect(books.delivered == UInt64(delivered) * 10 && books.dropped == dropped, comment)
        #expect(books.buffered == 0 && books.inMemory == 0, comment)
        let job = try #require(buffer.ledger().jobs["node"], comment)
        #expect(Int64(books.scraped) + books.earlier == Int64(job), comment)
    }
}
