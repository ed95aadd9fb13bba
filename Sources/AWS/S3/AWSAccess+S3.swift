import Cryptography
import HTTPTransport

/// The calls to S3.
enum S3Operation: String, CaseIterable {
    case getObject = "GetObject"

    /// In an IAM policy.
    var iamAction: String { "s3:\(rawValue)" }
}

extension AWSAccess {
    /// The bytes of an object in S3, with the credentials and in the region that the environment gives. When
    /// the bucket is in another region, that one is asked.
    public func object(_ location: S3Location, limitBytes: Int) async throws(AWSError) -> [UInt8] {
        guard let text = try await object(location, unless: nil, limitBytes: limitBytes) else {
            throw AWSError(
                .malformed, message: "S3 answers that nothing has changed, which nobody asked",
                operation: "S3.GetObject")
        }
        return text.bytes
    }

    /// The object with its version; nil where it still has `version`, which an earlier answer gave.
    ///
    /// `role` says who reads it, and in which region the bucket is, where it is not who the process is.
    public func object(
        _ location: S3Location, unless version: String?, limitBytes: Int,
        role: DocumentRole = DocumentRole()
    ) async throws(AWSError) -> StoredText? {
        guard let region = await region(configured: role.region) else {
            throw AWSError(
                .noRegion,
                message: "no region is known to ask S3 in; set AWS_REGION to the bucket's",
                operation: "S3.GetObject", isTransient: mayLearnRegion)
        }
        let credentials = credentials(
            CredentialConfiguration(roleARN: role.arn, externalID: role.externalID, region: region))
        do throws(AWSError) {
            return try await client(region: region, credentials: credentials)
                .object(location, unless: version, limitBytes: limitBytes)
        } catch {
            guard case .otherRegion(let other) = error.code, other != region else { throw error }
            return try await client(region: other, credentials: credentials)
                .object(location, unless: version, limitBytes: limitBytes)
        }
    }
}

extension AWSClient {
    /// GetObject; nil where the object still has `version`.
    func object(
        _ location: S3Location, unless version: String?, limitBytes: Int
    ) async throws(AWSError) -> StoredText? {
        let endpoint = try await endpointURL(of: .s3)
        let url = location.url(endpoint: endpoint, isGiven: try await isEndpointGiven(of: .s3))
        var headers = [HTTPHeader(name: "x-amz-content-sha256", value: SHA256.emptyHex)]
        let known = version.flatMap { ObjectVersion($0).entityTag }
        if let known { headers.append(HTTPHeader(name: "If-None-Match", value: known)) }
        var call = try AWSCall(
            .s3, S3Operation.getObject.rawValue, method: .get, url: url, headers: headers,
            answerLimitBytes: limitBytes)
        call.takesNotModified = known != nil
        let response = try await perform(call, isSigned: true)
        if response.status == 304 { return nil }
        let found = ObjectVersion(
            id: response.headers["x-amz-version-id"], entityTag: response.headers["ETag"])
        return StoredText(bytes: response.body.bytes, version: found.text)
    }
}

/// What S3 tells of an object's version, as one text: `ETAG ID`, either of which may be missing.
struct ObjectVersion: Equatable {
    let text: String

    init(_ text: String) { self.text = text }

    init(id: String?, entityTag: String?) { text = "\(entityTag ?? "") \(id ?? "")" }

    /// With its quotes, as the header has it; nil where S3 gave none, or one that no header can hold.
    var entityTag: String? {
        let tag = text.prefix { $0 != " " }
        let isSendable = tag.utf8.count <= 256 && tag.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return tag.isEmpty || !isSendable ? nil : String(tag)
    }
}
