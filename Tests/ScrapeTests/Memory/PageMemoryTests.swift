import Configuration
import MetricModel
import Synchronization
import Testing

@testable import Scrape

/// Bodies that are made to unfold to many times their bytes while they are read.
@Suite struct PageMemoryTests {
    /// An account that a page may charge so much to.
    private final class Account: Sendable {
        let limitBytes: Int
        private let most = Mutex(0)
        init(limitBytes: Int) { self.limitBytes = limitBytes }
        var mostBytes: Int { most.withLock { $0 } }

        func charge(_ bytes: Int) -> Bool {
            guard bytes <= limitBytes else { return false }
            most.withLock { $0 = max($0, bytes) }
            return true
        }
    }

    /// A family of one metric whose `field` has so many empty messages of field 3.
    private func body(_ kind: UInt64, field: Int, parts: Int) -> [UInt8] {
        let content = [[UInt8]](repeating: [0x1A, 0x00], count: parts).flatMap { $0 }
        return ProtoBody.family("f", kind, help: "", [{ $0.raw(field, content) }])
    }

    /// So many metrics without anything in them.
    private func metrics(_ count: Int) -> [UInt8] {
        var family = ProtoMessage()
        family.text(1, "f")
        for _ in 0..<count { family.raw(4, []) }
        var body = ProtoMessage()
        body.raw(1, family.bytes)
        // The length stands in front of a family, without a tag.
        return Array(body.bytes.dropFirst())
    }

    private func decode(
        _ body: [UInt8], _ account: Account?, histograms: HistogramConfiguration = HistogramConfiguration()
    ) throws -> Int {
        let memory = account.map { account in
            PageMemory(bodyBytes: body.count) { account.charge($0) }
        }
        var decoder = ProtobufDecoder(
            options: HistogramOptions(histograms), keepsExemplars: false, hasher: .process, expected: 0,
            memory: memory)
        try decoder.read(protobuf: body)
        return decoder.takeSeries().count
    }

    @Test func whatSeriesUnfoldToIsChargedOrFails() throws {
        let bodies = [
            (metrics(600_000), 600_000), (body(2, field: 4, parts: 600_000), 600_002),
            (body(4, field: 7, parts: 600_000), 600_003),
        ]
        for (body, count) in bodies {
            #expect(try decode(body, nil) == count)
            let account = Account(limitBytes: 64 << 20)
            #expect(try decode(body, account) == count)
            #expect(account.mostBytes >= 600_000 * 24 - 2 * body.count - (4 << 20))
            let small = Account(limitBytes: 4 << 20)
            let error = #expect(throws: ScrapeError.self) { try self.decode(body, small) }
            #expect(error?.code == .memory)
            #expect(error?.message.contains("there is no memory left for that") ?? false)
            #expect(small.mostBytes <= 4 << 20)
        }
    }

    /// A usual page is read however little memory there is: nobody is asked.
    @Test func aUsualPageIsNotCharged() throws {
        let none = Account(limitBytes: 0)
        let body = ProtoBody.family(
            "rpc", 4, help: "Help.",
            (0..<2_000).map { index in
                {
                    $0.label("code", "\(index)")
                    $0.message(7) { histogram in
                        histogram.varint(1, 9)
                        histogram.double(2, 1)
                        for bound in 1...12 { histogram.bucket(Double(bound), UInt64(bound)) }
                    }
                }
            })
        #expect(try decode(body, none) == 2_000 * 15)
    }

    @Test(arguments: [false, true]) func commentsInFrontOfOneSampleHaveABound(isOpenMetrics: Bool) throws {
        func page(_ count: Int) -> String {
            String(repeating: "# HELP a b\n", count: count) + "a 1\n# EOF\n"
        }
        let scrape = TargetScrape(target: plainTarget())
        let most = ExpositionParser.maxComments
        let frame = try scrape.consume(page(most), isOpenMetrics: isOpenMetrics, at: 1)
        #expect(frame.lines() == ["a 1.0"])
        let error = #expect(throws: ScrapeError.self) {
            try scrape.consume(page(most + 1), isOpenMetrics: isOpenMetrics, at: 2)
        }
        #expect(error?.message.contains("comments stand in front of one sample") ?? false)
        #expect(error?.line == most + 1)
    }

    /// They are not skipped one by one: that would take seconds, and each would count as a line.
    @Test func whereBadLinesAreSkippedTooManyCommentsFailThePage() throws {
        let most = ExpositionParser.maxComments
        func page(_ count: Int) -> String { String(repeating: "# HELP a b\n", count: count) + "?\na 1\n" }
        var parser = ExpositionParser(skipsBadLines: true)
        #expect(try parser.next(page(most)) && parser.metadata.count == most && parser.skippedLines == 1)
        var other = ExpositionParser(skipsBadLines: true)
        let error = #expect(throws: ScrapeError.self) { try other.next(page(most + 1)) }
        #expect(error?.code == .exposition && error?.hasTooManyComments == true)
    }

    /// A few bytes of a message stand for an exemplar with labels, and no check came behind the last message.
    @Test func exemplarsOfOneMessageAreCharged() throws {
        let body = ProtoBody.family(
            "f", 4,
            [
                {
                    $0.message(7) { histogram in
                        for bound in 0..<200_000 {
                            histogram.bucket(Double(bound), 1) { bucket in
                                bucket.message(3) { $0.message(1) { $0.text(1, "a") } }
                            }
                        }
                    }
                }
            ])
        var most = 0
        // The buckets alone have room in both.
        for limit in [64 << 20, 6 << 20] {
            let account = Account(limitBytes: limit)
            var decoder = ProtobufDecoder(
                options: HistogramOptions(), keepsExemplars: true, hasher: .process, expected: 0,
                memory: PageMemory(bodyBytes: body.count) { account.charge($0) })
            do {
                try decoder.read(protobuf: body)
                #expect(limit == 64 << 20)
            } catch {
                #expect(limit == 6 << 20 && (error as? ScrapeError)?.code == .memory)
            }
            most = max(most, account.mostBytes)
            let held = decoder.takeSeries().heldBytes
            if limit == 64 << 20 {
                #expect(most >= held - body.count - (2 << 20))
            } else {
                #expect(held > 200_000 * 24 && held < body.count + (8 << 20))
            }
        }
    }
}
