/// Samples at the lane's head that are not sent.
struct DroppedBatch: Sendable {
    let end: LanePosition
    let counts: JobCounts
    var omissions: [LaneOmission] = []
}
