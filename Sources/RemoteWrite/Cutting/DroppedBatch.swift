internal import WriteAheadBuffer

/// Samples at the lane's head that are not sent.
struct DroppedBatch: Sendable {
    let end: BufferPosition
    let outcome: Outcomes
    var omissions: [BufferOmission] = []
}
