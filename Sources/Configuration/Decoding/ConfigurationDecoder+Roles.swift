extension ConfigurationDecoder {
    /// `role_arn`, with the rule for `external_id` beside it: it is told to STS when a role is assumed, and
    /// without one it would be told to nobody (Prometheus refuses that too).
    func roleARN(_ reader: MappingReader) -> String? {
        let arn = filled(reader, "role_arn")
        if arn == nil, filled(reader, "external_id") != nil {
            reader.report(
                "external_id", "external_id without role_arn: it belongs to a role that is assumed")
        }
        guard let arn else { return nil }
        if let problem = RoleARN.problem(arn) {
            reader.report("role_arn", problem)
            return nil
        }
        return arn
    }
}

/// The rule for a role's ARN, in configurations and on command lines.
public enum RoleARN {
    /// Nil when `text` can be one; else what is wrong.
    public static func problem(_ text: String) -> String? {
        let isValid =
            text.hasPrefix("arn:") && text.utf8.count <= 2_048
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isValid
            ? nil : "\(quoted(text)) is not a role's ARN such as arn:aws:iam::123456789012:role/name"
    }
}
