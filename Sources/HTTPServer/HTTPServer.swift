public import NIOCore
internal import NIOHTTP1
internal import NIOPosix

#if canImport(Glibc)
import Glibc
#endif

/// A small HTTP/1.1 server: whole requests in, whole answers out. One event loop thread serves every server
/// of the process unless more are asked for; handlers run off it, on Swift's cooperative pool.
public final class HTTPServer: Sendable {
    /// Started with the first server and kept: one thread.
    private static let sharedGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// The numeric address and port that are listened on.
    public let host: String
    public let port: Int

    private let listener: any Channel
    private let table: ConnectionTable
    private let ownGroup: MultiThreadedEventLoopGroup?

    private init(listener: any Channel, table: ConnectionTable, ownGroup: MultiThreadedEventLoopGroup?) {
        self.listener = listener
        self.table = table
        self.ownGroup = ownGroup
        host = listener.localAddress?.ipAddress ?? ""
        port = listener.localAddress?.port ?? 0
    }

    /// Listens on `host` (a numeric address, or a name that is resolved here) and `port` (0: any free one)
    /// until `stop`. `handler` is called for each whole request, several at a time; its task is cancelled
    /// when the connection goes. `connectionHandlers` is called for each connection: what it makes stands
    /// between NIO's HTTP handlers and the server's own, and sees requests and answers in NIO's parts.
    public static func start(
        host: String = "127.0.0.1", port: Int = 0, bodyLimitBytes: Int = 16 << 20, threads: Int = 1,
        limits: ServerLimits = ServerLimits(),
        connectionHandlers: @escaping @Sendable () -> [any ChannelHandler] = { [] },
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) async throws(ServerError) -> HTTPServer {
        precondition(threads > 0, "a server needs a thread")
        let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        guard (0...65_535).contains(port) else {
            throw ServerError(.badAddress, "cannot listen on \(place): a port is 0 to 65535")
        }
        let ownGroup = threads > 1 ? MultiThreadedEventLoopGroup(numberOfThreads: threads) : nil
        let table = ConnectionTable(limit: limits.maxConnections)
        let bootstrap = bootstrap(
            group: ownGroup ?? sharedGroup, table: table, limits: limits, bodyLimitBytes: bodyLimitBytes,
            connectionHandlers: connectionHandlers, handler: handler)
        do {
            let listener = try await bootstrap.bind(host: host, port: port).get()
            return HTTPServer(listener: listener, table: table, ownGroup: ownGroup)
        } catch {
            await Self.shutDown(ownGroup)
            throw ServerError(.listen, "cannot listen on \(place): \(Self.reason(error))")
        }
    }

    /// Why an address cannot be bound, in words; NIO's own hold names of functions.
    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError {
            switch error.errnoCode {
            case EADDRINUSE: return "another process listens there"
            case EADDRNOTAVAIL: return "this machine has no such address"
            case EACCES: return "a port below 1024 takes root or CAP_NET_BIND_SERVICE"
            default: return "\(error)"
            }
        }
        return error is SocketAddressError.UnknownHost ? "there is no such host" : "\(error)"
    }

    /// What this server has seen.
    public var statistics: ServerStatistics { table.statistics }

    /// Stops listening, lets requests in hand finish for up to `graceMs`, then closes what is left. Idle
    /// connections are closed at once. Calling it again is harmless.
    public func stop(graceMs: Int64 = 2_000) async {
        // Both may be closed already, which is what is wanted.
        _ = try? await listener.close().get()
        let channels = table.close()
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ServerStopping()) }
        let forced = listener.eventLoop.scheduleTask(in: .milliseconds(graceMs)) {
            for channel in channels { channel.close(promise: nil) }
        }
        for channel in channels { _ = try? await channel.closeFuture.get() }
        forced.cancel()
        await Self.shutDown(ownGroup)
    }

    private static func shutDown(_ group: MultiThreadedEventLoopGroup?) async {
        // Fails only when it was shut down before.
        _ = try? await group?.shutdownGracefully()
    }

    private static func bootstrap(
        group: MultiThreadedEventLoopGroup, table: ConnectionTable, limits: ServerLimits, bodyLimitBytes: Int,
        connectionHandlers: @escaping @Sendable () -> [any ChannelHandler],
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) -> ServerBootstrap {
        let decoderLimits = {
            var result = NIOHTTPDecoderLimitConfiguration()
            result.maxHeaderFieldSize = limits.headerLimitBytes
            result.maxHeaderListSize = limits.headerLimitBytes
            result.maxHeaderFieldCount = limits.maxHeaderFields
            return result
        }()
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    guard table.admit(channel) else { return try pipeline.addHandler(RefusingHandler()) }
                    try pipeline.configureHTTPServerPipeline(
                        withErrorHandling: false, withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: decoderLimits)
                    try pipeline.addHandlers(connectionHandlers())
                    try pipeline.addHandler(
                        ConnectionHandler(
                            table: table, limits: limits, bodyLimitBytes: bodyLimitBytes,
                            remoteAddress: channel.remoteAddress?.ipAddress ?? "", handler: handler))
                }
            }
    }
}

/// Tells one connection too many to come back later.
private final class RefusingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
