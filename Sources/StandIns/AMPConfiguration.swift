public import AWS

/// How a stand-in AMP behaves. The defaults are AMP's own, as far as they are known.
public struct AMPConfiguration: Sendable {
    public var port: Int
    public var workspace: String
    public var region: String
    /// Whose signature is right; nil takes everything unsigned.
    public var credentials: Credentials?
    public var service: String
    /// Refuses a signature that leaves out Content-Type, which AWS itself does not.
    public var requiresSignedContentType: Bool
    /// Compressed bytes of a request; more is 413.
    public var requestLimitBytes: Int
    /// Uncompressed bytes of a request; more is 400.
    public var uncompressedLimitBytes: Int
    public var outOfOrderWindowMs: Int64
    /// nil takes samples of any age.
    public var maxSampleAgeMs: Int64?
    /// Keeps labels and every sample: exact duplicates, and `series()`. For tests; memory grows with the
    /// samples.
    public var keepsHistory: Bool
    /// Keeps a bit for every sample: exact duplicates of any age, and `arrivals`.
    public var keepsArrivals: Bool
    /// Samples a second that are taken; requests beyond are answered 429. Nil takes all.
    public var samplesPerSecond: Int?
    /// One request in so many is checked and entered series by series. Of the others every sample is counted
    /// and nothing is checked: for loads under which a receiver that checks all would be the limit.
    public var verifiesOneIn: Int

    public init(
        port: Int = 0, workspace: String = "ws-demo", region: String = "eu-west-1",
        credentials: Credentials? = nil,
        service: String = "aps", requiresSignedContentType: Bool = true, requestLimitBytes: Int = 1 << 20,
        uncompressedLimitBytes: Int = 32 << 20,
        outOfOrderWindowMs: Int64 = 60_000, maxSampleAgeMs: Int64? = 3_600_000, keepsHistory: Bool = false,
        keepsArrivals: Bool = false, samplesPerSecond: Int? = nil,
        verifiesOneIn: Int = 1
    ) {
        self.port = port
        self.workspace = workspace
        self.region = region
        self.credentials = credentials
        self.service = service
        self.requiresSignedContentType = requiresSignedContentType
        self.requestLimitBytes = requestLimitBytes
        self.uncompressedLimitBytes = uncompressedLimitBytes
        self.outOfOrderWindowMs = outOfOrderWindowMs
        self.maxSampleAgeMs = maxSampleAgeMs
        self.keepsHistory = keepsHistory
        self.keepsArrivals = keepsArrivals
        self.samplesPerSecond = samplesPerSecond
        self.verifiesOneIn = max(1, verifiesOneIn)
    }
}
