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
        guard arn.hasPrefix("arn:"), arn.utf8.count <= 2_048, arn.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            reader.report(
                "role_arn", "\(quoted(arn)) is not a role's ARN such as arn:aws:iam::123456789012:role/name")
            return nil
        }
        return arn
    }
}
