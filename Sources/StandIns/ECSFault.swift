/// What a stand-in ECS does wrong on cue.
public enum ECSFault: String, Sendable, CaseIterable {
    case throttling, accessDenied, expiredToken, serverError, garbage, hostile, hang, close
}
