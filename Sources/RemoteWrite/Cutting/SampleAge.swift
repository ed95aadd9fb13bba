internal import Configuration

/// When a sample is too old to be worth sending.
///
/// The rule has two parts, so that a request sent again after a crash has the same bytes whatever the time
/// is by then:
/// - By the clock whole frames are dropped, by their own timestamp, when a batch is cut. A batch holds frames
///  that are sent or frames that are dropped, never both, so a request's range in the buffer is sent in full.
///  The clock is `AgentClock.agingMs`, which does not follow a jump that may be wrong.
/// - A sample with a timestamp of its own is measured against its frame's timestamp: the same answer at any
///  time.
///
/// A request that waits for a receiver until its newest frame is too old is given up as a whole, never
/// thinned.
struct SampleAge: Sendable, Equatable {
    /// Samples older than this are not sent; nil: every sample is.
    let limitMs: Int64?

    /// `configuredMs` is `sample_age_limit`, 0 when not configured: then AMP's limit holds for AMP's hosts
    /// (`WorkspaceURL.sampleAgeLimitMs`) and none for others.
    init(configuredMs: Int64, url: String) {
        if configuredMs > 0 {
            limitMs = configuredMs
        } else {
            limitMs = Self.isAMP(url) ? WorkspaceURL.sampleAgeLimitMs : nil
        }
    }

    /// Whether `timestampMs` is too old when `AgentClock.agingMs` is this.
    func isTooOld(_ timestampMs: Int64, agingMs: Int64) -> Bool {
        guard let limitMs else { return false }
        return Self.isOlder(timestampMs, than: agingMs, byMs: limitMs)
    }

    /// Whether `ms` is more than `ageMs` before `referenceMs`; timestamps come from outside, so without
    /// overflow.
    static func isOlder(_ ms: Int64, than referenceMs: Int64, byMs ageMs: Int64) -> Bool {
        let (bound, overflow) = referenceMs.subtractingReportingOverflow(ageMs)
        return !overflow && ms < bound
    }

    /// `aps-workspaces.<region>.amazonaws.com` and its forms for FIPS, China and interface endpoints.
    static func isAMP(_ url: String) -> Bool { WorkspaceURL.hasHostOfAMP(url) }
}
