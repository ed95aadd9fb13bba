internal import WriteAheadBuffer

/// How the cursor knows a request before it leaves.
struct RequestNote: Sendable {
    /// The request's number.
    let number: UInt64
    /// The numbers of the notes about the rest of the claim: it left before as part of a larger request, and
    /// is not cut again yet.
    let rest: [UInt64]
    /// Why the cursor could not be written; nil when it was.
    let fault: BufferError?

    private init(_ number: UInt64, _ rest: [UInt64], _ fault: BufferError? = nil) {
        self.number = number
        self.rest = rest
        self.fault = fault
    }

    /// Notes in the cursor what is about to be sent. Where samples of the claim left before in a larger
    /// request, the notes about them are replaced by one about this request and one about those that are
    /// among the `rest` of the claim. `isMadeAsNow` says that the options which hold now made the request
    /// that the claim is to make again. Writes a file: called on a worker.
    init(
        _ request: PreparedRequest, rest: BatchCollector, _ claimed: SlotRunner.Claimed?,
        _ window: ShippingWindow, isMadeAsNow: Bool
    ) {
        let (message, noted, before) = (
            request.message.rawValue, claimed?.noted ?? [], claimed?.claim.resend?.request
        )
        // It is made again as it was before the restart, so the note in the cursor still holds.
        if request.isResend, rest.isEmpty, noted.count == 1, let before, before.protocolVersion == message,
            isMadeAsNow
        {
            self.init(noted[0], [])
            return
        }
        // Only samples that have left are noted: the receiver cannot have stored any others.
        let left = noted.isEmpty ? [] : Self.covers(of: rest, before: claimed?.leftTo)
        let hasRest = !left.isEmpty
        let numbers = window.newNumbers(hasRest ? 2 : 1)
        var requests = [
            numbers[0]: SentRequest(
                spans: request.covers, omissions: request.omissions, protocolVersion: message,
                options: window.options)
        ]
        if hasRest {
            requests[numbers[1]] = SentRequest(
                spans: left, protocolVersion: message, options: window.options)
        }
        do throws(BufferError) {
            try window.note(requests, replacing: noted)
            self.init(numbers[0], hasRest ? [numbers[1]] : [])
        } catch {
            // The window keeps the note and writes it down with the next.
            self.init(numbers[0], hasRest ? [numbers[1]] : [], error)
        }
    }
    /// The parts of the log that the rest of a claim covers before `end`.
    private static func covers(
        of rest: BatchCollector, before end: BufferPosition?
    ) -> [Range<BufferPosition>] {
        guard let end else { return [] }
        return rest.covers.filter { $0.lowerBound < end }.map { $0.lowerBound..<min($0.upperBound, end) }
    }
}
