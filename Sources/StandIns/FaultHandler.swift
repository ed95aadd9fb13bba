internal import HTTPServer
internal import NIOCore
internal import NIOHTTP1

/// Does to an answer on its way out what its fault says (`ServerResponse.faultFieldName`). Stands between
/// NIO's HTTP handlers and the server's own, one for each connection, and lives on its event loop. NIO's
/// pipelining handler lets one request in at a time, so there is one answer at a time here.
final class FaultHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// What comes is sent.
        case passing
        /// What comes is held until the timer fires.
        case delaying
        /// So many bytes of the body are still sent. At the end of the answer the connection is closed, or
        /// left open.
        case cutting(leftBytes: Int, closes: Bool)
        /// Nothing is sent any more.
        case silent
    }

    private var state = State.passing
    /// What is not sent: kept for later, or until the connection ends and its promises are failed.
    private var held: [(part: HTTPServerResponsePart, promise: EventLoopPromise<Void>?)] = []
    private var timer: Scheduled<Void>?
    private var lastWrite: EventLoopFuture<Void>?
    private var isStopping = false
    /// Called on the event loop when the whole of an answer with a receipt has gone to the kernel.
    private let sent: @Sendable (PageReceipt) -> Void
    private var receipt: PageReceipt?

    init(sent: @escaping @Sendable (PageReceipt) -> Void = { _ in }) { self.sent = sent }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        var promise = promise
        if case .end = part, let whole = receipt {
            receipt = nil
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenSuccess { [sent] in sent(whole) }
            promise = written
        }
        switch (state, part) {
        case (.passing, .head(let head)): begin(context, head, promise)
        case (.passing, _): context.write(data, promise: promise)
        case (.cutting(let left, let closes), .body(.byteBuffer(var buffer))):
            let count = min(left, buffer.readableBytes)
            guard count > 0, let piece = buffer.readSlice(length: count) else {
                return held.append((part, promise))
            }
            state = .cutting(leftBytes: left - count, closes: closes)
            send(context, .body(.byteBuffer(piece)), promise)
        case (.cutting(_, let closes), .end):
            held.append((part, promise))
            state = .silent
            if closes || isStopping { closeAfterLastWrite(context) }
        case (.delaying, _), (.cutting, _), (.silent, _): held.append((part, promise))
        }
    }

    func flush(context: ChannelHandlerContext) {
        if case .delaying = state { return }
        context.flush()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ServerStopping {
            isStopping = true
            // A stalled answer never ends by itself: the server must not wait for it.
            if case .silent = state { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
        let unsent = held
        held = []
        for (_, promise) in unsent { promise?.fail(ChannelError.ioOnClosedChannel) }
    }

    private func begin(
        _ context: ChannelHandlerContext, _ answer: HTTPResponseHead, _ promise: EventLoopPromise<Void>?
    ) {
        var head = answer
        let fault = head.headers.first(name: ServerResponse.faultFieldName).flatMap { ServerFault(field: $0) }
        head.headers.remove(name: ServerResponse.faultFieldName)
        receipt = head.headers.first(name: ServerResponse.receiptFieldName).flatMap { PageReceipt(field: $0) }
        head.headers.remove(name: ServerResponse.receiptFieldName)
        switch fault {
        case nil: send(context, .head(head), promise)
        case .declareLength(let bytes):
            head.headers.replaceOrAdd(name: "Content-Length", value: String(bytes))
            send(context, .head(head), promise)
        case .neverAnswer, .closeWithoutAnswer:
            held.append((.head(head), promise))
            state = .cutting(leftBytes: 0, closes: fault == .closeWithoutAnswer)
        case .closeAfter(let bytes):
            state = .cutting(leftBytes: bytes, closes: true)
            send(context, .head(head), promise)
        case .stallAfter(let bytes):
            state = .cutting(leftBytes: bytes, closes: false)
            send(context, .head(head), promise)
        case .delay(let ms):
            held.append((.head(head), promise))
            state = .delaying
            let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
            timer = context.eventLoop.scheduleTask(in: .milliseconds(ms)) {
                bound.value.handler.release(bound.value.context)
            }
        }
    }

    private func send(
        _ context: ChannelHandlerContext, _ part: HTTPServerResponsePart, _ promise: EventLoopPromise<Void>?
    ) {
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        lastWrite = written.futureResult
        context.write(wrapOutboundOut(part), promise: written)
    }

    private func release(_ context: ChannelHandlerContext) {
        state = .passing
        let late = held
        held = []
        for (part, promise) in late { context.write(wrapOutboundOut(part), promise: promise) }
        context.flush()
    }

    /// Data first: closing at once would throw away what the socket has not taken.
    private func closeAfterLastWrite(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        guard let lastWrite else { return context.close(promise: nil) }
        lastWrite.whenComplete { _ in bound.value.close(promise: nil) }
        context.flush()
    }
}
