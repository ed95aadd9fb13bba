internal import HTTPTransport

extension AWSClient {
    /// Calls `action` of a service that takes forms and answers in XML (EC2's and STS' query protocol), and
    /// returns the root of the answer. Faults are handled as `json` handles them.
    ///
    /// `parameters` go out in their order, `Action` and `Version` before them; lists are written out by the
    /// caller (`InstanceId.1`, `InstanceId.2`). An unsigned call is one whose parameters say who asks, as in
    /// AssumeRoleWithWebIdentity.
    public func query(
        service: AWSService, action: String, version: String, parameters: [(name: String, value: String)],
        isSigned: Bool = true
    ) async throws(AWSError) -> XMLElement {
        try await queryAnswer(
            service: service, action: action, version: version, parameters: parameters, isSigned: isSigned
        ).root
    }

    /// The answer with the service's clock, milliseconds since 1970, where it told it.
    func queryAnswer(
        service: AWSService, action: String, version: String, parameters: [(name: String, value: String)],
        isSigned: Bool
    ) async throws(AWSError) -> (root: XMLElement, dateMs: Int64?) {
        let form = FormEncoding.text([("Action", action), ("Version", version)] + parameters)
        let type = HTTPHeader(
            name: "Content-Type", value: "application/x-www-form-urlencoded; charset=utf-8")
        let response = try await perform(
            service, action, headers: [type], body: Array(form.utf8), isSigned: isSigned)
        do throws(XMLFault) {
            return (try XMLReader.parse(response.body.bytes), ServiceFault.dateMs(of: response))
        } catch {
            throw AWSError(
                .malformed, message: "the answer is not the XML expected: \(error)",
                operation: "\(service.name).\(action)")
        }
    }
}

/// `application/x-www-form-urlencoded`.
enum FormEncoding {
    /// Pairs joined with `&`, everything but unreserved characters percent-encoded.
    static func text(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(PercentEncoding.encode($0.name.utf8))=\(PercentEncoding.encode($0.value.utf8))" }
            .joined(separator: "&")
    }
}
