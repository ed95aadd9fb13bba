import AWS

/// What was wrong in a round.
struct ECSFault: Sendable, Equatable {
    /// What could not be had.
    enum Subject: Sendable {
        /// The list of clusters, or a cluster's tasks: without it nothing is known.
        case tasks
        /// One task definition, which AWS says that it does not have.
        case goneDefinition
        case definitions
        /// Container instances, and what EC2 and Systems Manager tell of them.
        case machines
        case services
        /// The cluster's tags.
        case description
        /// The public addresses of tasks' interfaces.
        case interfaces
        /// The call was answered, and something of the answer is not usable.
        case content
    }

    var message: String
    let subject: Subject
    /// A target is missing, or older than it should be, for want of it. A cluster takes every failed call for
    /// one; the survey of a job knows better what its targets need.
    var isFailure: Bool
    /// The API asked for fewer calls.
    var isThrottling = false
    /// What was asked for is not the cause: asking on in this round is in vain.
    var endsRound = false
    /// The call is not allowed, which no repetition changes.
    var isRefusal = false
    /// AWS says that it does not have what was asked for.
    var isMissing = false

    /// Whether asking again soon may tell more: what costs only some targets or labels, and is refused or
    /// gone, stays so.
    var mayPass: Bool {
        isFailure && subject != .goneDefinition && (subject == .tasks || !isRefusal)
    }

    init(message: String, isFailure: Bool) {
        self.message = message
        self.isFailure = isFailure
        subject = isFailure ? .tasks : .content
    }

    init(_ error: AWSError, about subject: Subject = .tasks) {
        message = error.advice
        self.subject = subject
        isFailure = true
        isThrottling = error.code == .throttled
        endsRound = error.concernsAllCalls
        isRefusal = error.code == .accessDenied
        isMissing = error.code == .notFound
    }
}
