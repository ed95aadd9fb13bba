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

    /// Notes in the cursor what is about to be sent. Where the claim left before as a larger request, its
    /// notes (`noted`) are replaced by one about this request and one about the `rest` of the claim. `before`
    /// is the note of a request to be made again, where the claim is one. Writes a file: called on a worker.
    init(
        _ request: PreparedRequest, rest: BatchCollector, _ noted: [UInt64], before: SentRequest?,
        _ window: ShippingWindow
    ) {
        let message = request.message.rawValue
        // It is made again as it was before the restart, so the note in the cursor still holds.
        if request.isResend, rest.isEmpty, noted.count == 1, let before, before.protocolVersion == message,
            before.options == 0 || before.options == window.options
        {
            self.init(noted[0], [])
            return
        }
        let hasRest = !rest.isEmpty && !noted.isEmpty
        let numbers = window.newNumbers(hasRest ? 2 : 1)
        var requests = [
            numbers[0]: SentRequest(
                spans: request.covers, omissions: request.omissions, protocolVersion: message,
                options: window.options)
        ]
        if hasRest {
            requests[numbers[1]] = SentRequest(
                spans: rest.covers, protocolVersion: message, options: window.options)
        }
        do throws(BufferError) {
            try window.note(requests, replacing: noted)
            self.init(numbers[0], hasRest ? [numbers[1]] : [])
        } catch {
            // The window keeps the note and writes it down with the next.
            self.init(numbers[0], hasRest ? [numbers[1]] : [], error)
        }
    }
}
