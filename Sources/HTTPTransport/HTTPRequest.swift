/// What is asked of an HTTP server. Host, Content-Length, Accept-Encoding and User-Agent are added by the
/// client.
public struct HTTPRequest: Sendable, Equatable {
    public var method: HTTPMethod
    /// `http://` or `https://`; sent as given, dot segments included. Percent-encoded by the caller.
    public var url: String
    public var headers: [HTTPHeader]
    public var body: [UInt8]
    /// The whole exchange, from `perform` to the body's last byte, waiting for a body slot included.
    public var timeoutMs: Int64
    /// Bytes of body taken at most, counted after decoding; 0 means no limit of the request's own.
    public var bodyLimitBytes: Int
    /// Says `Accept-Encoding: gzip`. An answer in gzip is decoded whether it was asked for or not.
    public var acceptGzip: Bool
    /// Follows up to 10 redirects, to http and https only: 301, 302, 303, 307 and 308 with a Location, and
    /// 300 where libcurl makes the request. False for everything that is signed.
    public var followRedirects: Bool
    /// The body waits for one of the client's body slots when it is more than a few KiB, so that thousands of
    /// requests in flight are not thousands of bodies in memory.
    public var takesBodySlot: Bool
    /// How to connect; nil is the client's own way: no proxy, the system's authorities, HTTP/1.1.
    public var connection: HTTPConnectionOptions?
    /// False when the status tells all that matters, as of a remote write: a 2xx comes without its body then,
    /// and a body that cannot be read to its end, or be decoded, does not turn a status that came into an
    /// error.
    public var requiresBody = true
    /// False leaves a body in gzip as it came: the thread that reads it calls `HTTPResponse.decoded()`.
    public var decodesBody = true
    /// A new connection goes to any of the addresses that the host's name has, by chance, and the name is
    /// looked up for each.
    public var spreadsOverAddresses = false
    /// Redirects that may still be followed, with `followRedirects`.
    var redirectsLeft = 10

    public init(
        method: HTTPMethod = .get, url: String, headers: [HTTPHeader] = [], body: [UInt8] = [],
        timeoutMs: Int64 = 10_000, bodyLimitBytes: Int = 64 << 20, acceptGzip: Bool = false,
        followRedirects: Bool = false, takesBodySlot: Bool = false,
        connection: HTTPConnectionOptions? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeoutMs = timeoutMs
        self.bodyLimitBytes = bodyLimitBytes
        self.acceptGzip = acceptGzip
        self.followRedirects = followRedirects
        self.takesBodySlot = takesBodySlot
        self.connection = connection
    }
}
