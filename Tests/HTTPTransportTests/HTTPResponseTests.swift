import HTTPTransport
import Synchronization
import Testing

/// A kind of answer and what it must come to.
struct AnswerKind: Sendable, CustomTestStringConvertible {
    enum Outcome: Sendable {
        case response(Int, String)
        case fault(HTTPError.Code, String)
    }

    let name: String
    let said: [UInt8]
    let outcome: Outcome
    var testDescription: String { name }

    init(_ name: String, _ head: String, _ body: [UInt8], _ outcome: Outcome) {
        self.name = name
        said = Array((head + "\r\n\r\n").utf8) + body
        self.outcome = outcome
    }

    /// The body with its length, in chunks, and until the connection closes.
    static func threeWays(
        _ name: String, _ body: [UInt8], _ outcome: Outcome, coding: String = "gzip"
    ) -> [AnswerKind] {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: \(coding)"
        let middle = body.count / 2
        let pieces = [Array(body[..<middle]), Array(body[middle...])].filter { !$0.isEmpty }
        var chunks: [UInt8] = []
        for piece in pieces {
            chunks += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
        }
        return [
            AnswerKind("\(name), with its length", head + "\r\nContent-Length: \(body.count)", body, outcome),
            AnswerKind(
                "\(name), in chunks", head + "\r\nTransfer-Encoding: chunked",
                chunks + Array("0\r\n\r\n".utf8), outcome),
            AnswerKind("\(name), until close", head, body, outcome),
            AnswerKind("\(name), HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Encoding: \(coding)", body, outcome),
        ]
    }
}

extension AnswerKind {
    static let text = "up 1\n# more\nbytes_total 9876544793923\n"

    static let plain: [AnswerKind] = [
        AnswerKind(
            "200", "HTTP/1.1 200 OK\r\nContent-Length: 5", Array("up 1\n".utf8), .response(200, "up 1\n")),
        AnswerKind("200 without a body", "HTTP/1.1 200 OK\r\nContent-Length: 0", [], .response(200, "")),
        AnswerKind("204", "HTTP/1.1 204 No Content", [], .response(204, "")),
        AnswerKind("301 not followed", "HTTP/1.1 301 Moved\r\nContent-Length: 0", [], .response(301, "")),
        AnswerKind(
            "404", "HTTP/1.1 404 Not Found\r\nContent-Length: 2", Array("no".utf8), .response(404, "no")),
        AnswerKind(
            "500 until close", "HTTP/1.1 500 Oops", Array("a trace".utf8), .response(500, "a trace")),
        AnswerKind(
            "503", "HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 4", Array("busy".utf8),
            .response(503, "busy")),
        AnswerKind(
            "503 with damaged gzip", "HTTP/1.1 503 Busy\r\nContent-Encoding: gzip\r\nContent-Length: 4",
            Array("busy".utf8), .response(503, "")),
        AnswerKind(
            "interim answer first", "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5",
            Array("up 1\n".utf8), .response(200, "up 1\n")),
        AnswerKind(
            "chunks with extension and trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            Array("5;a=b\r\nup 1\n\r\n0\r\nX: y\r\n\r\n".utf8), .response(200, "up 1\n")),
        AnswerKind(
            "trailer that names a coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            Array("5\r\nup 1\n\r\n0\r\nContent-Encoding: x\r\n\r\n".utf8), .response(200, "up 1\n")),
        AnswerKind(
            "trailer without a body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            Array("0\r\nContent-Encoding: x\r\n\r\n".utf8), .response(200, "")),
        AnswerKind("until close", "HTTP/1.1 200 OK", Array("up 1\n".utf8), .response(200, "up 1\n")),
        AnswerKind(
            "HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5", Array("up 1\n".utf8), .response(200, "up 1\n")
        ),
        AnswerKind(
            "bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\nX: y", Array("up 1\n".utf8),
            .response(200, "up 1\n")),
        AnswerKind(
            "length cut", "HTTP/1.1 200 OK\r\nContent-Length: 9", Array("up 1\n".utf8),
            .fault(.truncated, "the body was cut")),
        AnswerKind(
            "chunk cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", Array("9\r\nup 1\n".utf8),
            .fault(.truncated, "the body was cut")),
        AnswerKind("not HTTP", "220 mail.example ESMTP", [], .fault(.malformedResponse, "")),
        AnswerKind(
            "broken length", "HTTP/1.1 200 OK\r\nContent-Length: five", Array("up 1\n".utf8),
            .fault(.malformedResponse, "Content-Length")),
        AnswerKind(
            "zero byte in the head", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0", [],
            .fault(.malformedResponse, "")),
        AnswerKind(
            "broken chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", Array("zz\r\n".utf8),
            .fault(.malformedResponse, "")),
    ]

    static let coded: [AnswerKind] = {
        let whole = gzip(text)
        var badCRC = whole
        badCRC[whole.count - 8] ^= 1
        var badLength = whole
        badLength[whole.count - 4] ^= 1
        func fault(_ what: String) -> Outcome { .fault(.badContentEncoding, what) }
        return threeWays("gzip", whole, .response(200, text))
            + threeWays("gzip under its old name", whole, .response(200, text), coding: "x-gzip")
            + threeWays("identity", Array(text.utf8), .response(200, text), coding: "identity")
            + threeWays("two members", gzip("a 1\n") + gzip("b 2\n"), .response(200, "a 1\nb 2\n"))
            + threeWays("no trailer", whole.dropLast(8), fault("cut"))
            + threeWays("half a trailer", whole.dropLast(4), fault("cut"))
            + threeWays("cut in a number", whole.dropLast(15), fault("cut or damaged"))
            + threeWays("second member cut", gzip("a 1\n") + whole.dropLast(9), fault("cut or damaged"))
            + threeWays("nothing", [], fault("the body is empty, where gzip was announced"))
            + threeWays("a bare header", Array(whole.prefix(10)), fault("within its header"))
            + threeWays("wrong CRC", badCRC, fault("CRC-32"))
            + threeWays("wrong length", badLength, fault("another length"))
            + threeWays("garbage behind", whole + [0, 0, 0], fault("3 bytes follow the last gzip member"))
            + threeWays("text", Array(text.utf8), fault("not the gzip it claims to be"))
            + threeWays("deflate", whole, fault("content encoding \"deflate\""), coding: "deflate")
            + threeWays("br", whole, fault("content encoding \"br\"; only gzip is read"), coding: "br")
            + threeWays("twice", whole, fault("content encoding \"gzip, gzip\""), coding: "gzip, gzip")
    }()
}

/// A request is one request, whatever the answer, and the answer is judged by the same rules on both ways.
@Suite(.timeLimit(.minutes(1)))
struct HTTPResponseTests {
    /// What came of one request that the plain way, or libcurl, makes.
    private func check(_ kind: AnswerKind, isPlain: Bool, asksGzip: Bool = true) async throws {
        let requests = Atomic<Int>(0)
        let serve: @Sendable (Connection) -> Void = { connection in
            guard connection.readRequest() != nil else { return }
            requests.add(1, ordering: .relaxed)
            connection.write(kind.said)
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let request = HTTPRequest(
                    url: server.url(), acceptGzip: asksGzip, followRedirects: true, takesBodySlot: isPlain)
                let result: Result<HTTPResponse, HTTPError>
                do throws(HTTPError) {
                    result = .success(try await client.perform(request))
                } catch {
                    result = .failure(error)
                }
                switch (kind.outcome, result) {
                case (.response(let status, let text), .success(let response)):
                    #expect(response.status == status && response.body.text == text)
                case (.fault(let code, let words), .failure(let error)):
                    #expect(error.code == code && error.message.contains(words), "\(error)")
                    #expect(error.message.hasPrefix("GET \(server.url()): "))
                default: Issue.record("\(kind.name): \(result)")
                }
            }
        }
        let count = requests.load(ordering: .relaxed)
        #expect(count == 1, "requests that the server saw")
    }

    @Test(arguments: AnswerKind.plain + AnswerKind.coded, [true, false])
    func everyAnswerIsAskedForOnce(kind: AnswerKind, isPlain: Bool) async throws {
        try await check(kind, isPlain: isPlain)
    }

    @Test(arguments: [true, false])
    func gzipIsReadUnasked(isPlain: Bool) async throws {
        let kinds = AnswerKind.threeWays("gzip", gzip("a 1\n"), .response(200, "a 1\n"))
        for kind in kinds { try await check(kind, isPlain: isPlain, asksGzip: false) }
    }

    @Test(arguments: [true, false])
    func gzipIsAskedForOnceInTheRequest(isPlain: Bool) async throws {
        let serve: @Sendable (Connection) -> Void = { connection in
            while let request = connection.readRequest() {
                let count = request.head.split(separator: "\r\n").count { $0 == "Accept-Encoding: gzip" }
                connection.write(answer("\(count)"))
            }
        }
        try await RawServer.with(serve) { server in
            try await withClient { client in
                let request = HTTPRequest(url: server.url(), acceptGzip: true, takesBodySlot: isPlain)
                let response = try await client.perform(request)
                #expect(response.body.text == "1")
            }
        }
    }

    /// A body that is a thousand times as long as what came, on the plain way and by libcurl.
    @Test(arguments: [true, false])
    func theLimitOfDecodedBytesHoldsOnBothWays(isPlain: Bool) async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        let bomb = TransferTests.bomb
        let chunks = Array((head + String(bomb.count, radix: 16) + "\r\n").utf8) + bomb
        let said = chunks + Array("\r\n0\r\n\r\n".utf8)
        try await RawServer.with({ while $0.readRequest() != nil, $0.write(said) {} }) { server in
            try await withClient { client in
                var request = HTTPRequest(
                    url: server.url(), bodyLimitBytes: (1 << 20) - 1, takesBodySlot: isPlain)
                #expect(await failure(of: request, client)?.code == .bodyTooLarge)
                request.bodyLimitBytes = 1 << 20
                let response = try await client.perform(request)
                #expect(response.body.count == 1 << 20)
            }
        }
    }
}
