internal import NIOCore
internal import NIOHTTP1
internal import Platform

/// The event that each connection is told when its server stops: finish what is in hand, then close.
public struct ServerStopping: Sendable {}

/// One connection: gives whole requests to the handler, off the loop, and writes the answers.
/// Lives on its event loop; NIO's pipelining handler in front of it lets one request in at a time.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    fileprivate enum Phase {
        /// Waiting for a request, or in the middle of one.
        case reading
        /// The handler has the request.
        case handling
        /// The answer is being taken by the peer.
        case writing
        /// A refusal was sent before the request ended: the rest is read and thrown away, so that the peer
        /// gets to see the answer instead of a reset connection.
        case lingering
        case closed
    }

    private let table: ConnectionTable
    private let limits: ServerLimits
    private let handler: @Sendable (ServerRequest) async -> ServerResponse
    private var assembler: RequestAssembler
    private var phase = Phase.reading
    private var isStopping = false
    private var work: Task<Void, Never>?
    private var deadline: Scheduled<Void>?

    init(
        table: ConnectionTable, limits: ServerLimits, bodyLimitBytes: Int, remoteAddress: String,
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) {
        self.table = table
        self.limits = limits
        self.handler = handler
        assembler = RequestAssembler(bodyLimitBytes: bodyLimitBytes, remoteAddress: remoteAddress)
    }

    func channelActive(context: ChannelHandlerContext) {
        arm(context, afterMs: limits.idleTimeoutMs, counts: false)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        deadline?.cancel()
        work?.cancel()
        table.remove(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch assembler.received(part) {
        case .none: break
        case .sendContinue:
            context.writeAndFlush(
                wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
        case .refuse(let status, let reason): return refuse(context, status: status, reason: reason)
        case .handle(let request, let keepAlive):
            table.count(.request)
            return handle(context, request, keepAlive: keepAlive)
        }
        switch part {
        case .head: arm(context, afterMs: limits.transferTimeoutMs, counts: true)
        case .end where phase.isLingering: context.close(promise: nil)
        case .body, .end: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ServerStopping else { return context.fireUserInboundEventTriggered(event) }
        isStopping = true
        switch phase {
        case .reading where !assembler.isInsideRequest, .lingering: context.close(promise: nil)
        case .reading, .handling, .writing, .closed: break
        }
    }

    /// Parser errors end the connection: the decoder closes it as soon as this returns, so the answer is
    /// written now.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError, case .reading = phase {
            table.count(.malformed)
            let status: HTTPResponseStatus =
                error == .headerOverflow ? .requestHeaderFieldsTooLarge : .badRequest
            write(context, ServerResponse(status: Int(status.code)), request: nil, keepAlive: false)
        }
        context.close(promise: nil)
    }

    private func refuse(_ context: ChannelHandlerContext, status: Int, reason: String) {
        table.count(.malformed)
        phase = .lingering
        arm(context, afterMs: limits.transferTimeoutMs, counts: true)
        var response = ServerResponse(status: status, text: reason + "\n")
        response.closesConnection = true
        writeHead(context, response, isHead: false, keepAlive: false)
        writeBody(context, response)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func handle(_ context: ChannelHandlerContext, _ request: ServerRequest, keepAlive: Bool) {
        phase = .handling
        deadline?.cancel()
        let bound = NIOLoopBound((connection: self, context: context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let handler = handler
        // The border between NIO's callbacks and structured code: cancelled when the connection goes.
        work = Task {
            let response = await handler(request)
            loop.execute {
                let (connection, context) = bound.value
                connection.answered(context, response, request, keepAlive: keepAlive)
                Heap.restIfAsked()
            }
            // A page of all targets or series takes much for a moment.
            Heap.restIfAsked()
        }
    }

    private func answered(
        _ context: ChannelHandlerContext, _ response: ServerResponse, _ request: ServerRequest,
        keepAlive: Bool
    ) {
        guard case .handling = phase else { return }
        work = nil
        write(context, response, request: request, keepAlive: keepAlive)
    }

    private func write(
        _ context: ChannelHandlerContext, _ response: ServerResponse, request: ServerRequest?, keepAlive: Bool
    ) {
        phase = .writing
        let isHead = request?.method == "HEAD"
        let keeps = keepAlive && !response.closesConnection && !isStopping
        writeHead(context, response, isHead: isHead, keepAlive: keeps)
        if !isHead && response.mayHaveBody { writeBody(context, response) }
        arm(context, afterMs: limits.transferTimeoutMs, counts: true)
        let bound = NIOLoopBound((connection: self, context: context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { result in
            let (connection, context) = bound.value
            connection.written(context, result, keepAlive: keeps)
        }
    }

    private func written(_ context: ChannelHandlerContext, _ result: Result<Void, any Error>, keepAlive: Bool)
    {
        guard case .success = result, keepAlive else { return context.close(promise: nil) }
        // A pipelined request may have been let in already, from inside the write.
        guard case .writing = phase else { return }
        phase = .reading
        if assembler.isInsideRequest { return }
        if isStopping { return context.close(promise: nil) }
        arm(context, afterMs: limits.idleTimeoutMs, counts: false)
    }

    private func writeHead(
        _ context: ChannelHandlerContext, _ response: ServerResponse, isHead: Bool, keepAlive: Bool
    ) {
        var headers = HTTPHeaders()
        for field in response.headers.fields where !ServerResponse.isFraming(field.name) {
            headers.add(name: field.name, value: field.value)
        }
        // RFC 9110 §6.6.1; signers learn from it how far their clock is off.
        if response.headers["date"] == nil {
            headers.add(name: "Date", value: Timestamp.httpDate(ms: SystemClock().wallMs))
        }
        if response.mayHaveBody {
            switch response.framing {
            case .chunked where !isHead: headers.add(name: "Transfer-Encoding", value: "chunked")
            case .contentLength, .chunked:
                headers.add(name: "Content-Length", value: String(response.body.count))
            }
        }
        if !keepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func writeBody(_ context: ChannelHandlerContext, _ response: ServerResponse) {
        guard !response.body.isEmpty else { return }
        var buffer = context.channel.allocator.buffer(capacity: response.body.count)
        buffer.writeBytes(response.body)
        var piece = response.body.count
        if case .chunked(let bytes) = response.framing { piece = max(1, bytes) }
        while let slice = buffer.readSlice(length: min(piece, buffer.readableBytes)), slice.readableBytes > 0
        {
            context.write(wrapOutboundOut(.body(.byteBuffer(slice))), promise: nil)
        }
    }

    /// Ends the connection unless something happens before; `counts` tells a fault from a rest.
    private func arm(_ context: ChannelHandlerContext, afterMs: Int64, counts: Bool) {
        deadline?.cancel()
        let bound = NIOLoopBound((connection: self, context: context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .milliseconds(afterMs)) {
            let (connection, context) = bound.value
            if counts { connection.table.count(.timeout) }
            context.close(promise: nil)
        }
    }
}

extension ConnectionHandler.Phase {
    fileprivate var isLingering: Bool {
        if case .lingering = self { true } else { false }
    }
}

extension ServerResponse {
    /// RFC 9112 §6.3: these statuses have no body and no length.
    fileprivate var mayHaveBody: Bool { status >= 200 && status != 204 && status != 304 }

    fileprivate static func isFraming(_ name: String) -> Bool {
        ["content-length", "transfer-encoding", "connection"].contains(name.lowercased())
    }
}
